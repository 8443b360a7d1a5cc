import { monitoringValues, type RancherSettings } from './rancher-root.ts'
import type { RancherLine } from './rancher-versions.ts'
import type { TerraformRoot } from './root.ts'

/** How a cluster that Rancher did not make is made known to it. Secrets come by `rancherEnv`. */
export interface RancherImportSettings
  extends Pick<RancherSettings, 'url' | 'quota' | 'container' | 'monitoring' | 'modules'> {
  /** Of the cluster in Rancher. */
  readonly name: string
  /** Its agent runs there, or will: Rancher is waited for. */
  readonly registered: boolean
}

/** Stage `import`: the cluster in Rancher with the site's project, monitoring and alerts. The cluster itself is not touched. */
export function rancherImportRoot(settings: RancherImportSettings, line: RancherLine): TerraformRoot {
  const { name, registered, quota, container, monitoring, url, modules } = settings
  const project = { ...(quota === undefined ? {} : { quota }), ...(container === undefined ? {} : { container }) }
  const variables = {
    name,
    registered,
    ...(Object.keys(project).length === 0 ? {} : { project }),
    ...(monitoring === undefined ? {} : { monitoring: monitoringValues(monitoring) }),
  }
  const output = (of: string, sensitive = false) => ({
    value: `\${module.cluster.${of}}`,
    ...(sensitive ? { sensitive } : {}),
  })
  return {
    main: {
      terraform: {
        required_providers: { rancher2: { source: 'rancher/rancher2', version: line.provider } },
        backend: { http: {} },
      },
      variable: {
        ...Object.fromEntries(['rancher_url', ...Object.keys(variables)].map((one) => [one, {}])),
        alerts: { type: 'any', default: {}, sensitive: true },
      },
      provider: { rancher2: { api_url: '${var.rancher_url}' } },
      module: {
        cluster: {
          source: `${modules}/existing`,
          ...Object.fromEntries([...Object.keys(variables), 'alerts'].map((one) => [one, `\${var.${one}}`])),
        },
      },
      output: {
        cluster_id: output('cluster_id'),
        project_id: output('project_id'),
        manifest_url: output('manifest_url', true),
      },
    },
    variables: { rancher_url: url, ...variables },
  }
}
