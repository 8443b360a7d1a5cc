import type { ClusterSpec } from './cluster-spec.ts'
import { poolValues, rancherEnv, rancherRoot, type RancherSecrets, type RancherSettings } from './rancher-root.ts'
import type { RancherLine } from './rancher-versions.ts'
import type { TerraformRoot } from './root.ts'

export interface RancherHetznerSettings extends Omit<RancherSettings, 'driver' | 'observed'> {
  /** Settings of all machines, as inputs of module rancher-cluster/hetzner: `location`, `image`, … */
  readonly machine: Readonly<Record<string, unknown>>
}

/**
 * Stage `cluster` where machines of Hetzner join a custom cluster of Rancher. What that lacks there (cloud controller, CSI
 * driver) is known before any machine is, and comes with the cluster; it is waited for once the machines were ordered.
 */
export function rancherHetznerRoot(
  spec: ClusterSpec,
  { machine, ...settings }: RancherHetznerSettings,
  line?: Pick<RancherLine, 'rancher' | 'provider'>,
): TerraformRoot {
  const { main, variables } = rancherRoot(spec, settings, line)
  const { terraform, variable, provider, module, output } = main as Record<string, Record<string, object>>
  const given = Object.fromEntries(Object.keys(machine).map((name) => [name, `\${var.machine.${name}}`]))
  return {
    main: {
      ...main,
      terraform: {
        ...terraform,
        required_providers: {
          ...terraform?.['required_providers'],
          hcloud: { source: 'hetznercloud/hcloud', version: '~> 1.66' },
        },
      },
      variable: { ...variable, pools: {}, machine: {}, hcloud_token: { type: 'string', sensitive: true } },
      provider: { ...provider, hcloud: {} },
      module: {
        cluster: {
          ...module?.['cluster'],
          cloud_provider: 'external',
          additional_manifest: '${module.machines.manifest}',
          chart_values: '${module.machines.chart_values}',
          wait_for: '${module.machines.machines}',
        },
        machines: {
          source: `${settings.modules}/rancher-cluster/hetzner`,
          name: '${var.name}',
          registration: '${module.cluster.registration}',
          hcloud_token: '${var.hcloud_token}',
          pools: '${var.pools}',
          ...given,
        },
      },
      output: {
        ...output,
        ...Object.fromEntries(['ingress', 'machines'].map((name) => [name, { value: `\${module.machines.${name}}` }])),
      },
    },
    variables: {
      ...variables,
      machine,
      pools: Object.fromEntries(spec.pools.map((pool) => [pool.name, poolValues(pool)])),
    },
  }
}

/** The environment of a run: Rancher's token, and Hetzner's for Terraform and for what runs in the cluster. */
export function rancherHetznerEnv(
  secrets: Omit<RancherSecrets, 'credential'>,
  token: string,
): Readonly<Record<string, string>> {
  return { ...rancherEnv(secrets), HCLOUD_TOKEN: token, TF_VAR_hcloud_token: token }
}
