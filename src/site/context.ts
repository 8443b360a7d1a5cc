import { hostNames } from './hosts.ts'
import { namespaceManifests, secretManifests } from './manifests.ts'
import { secretNames } from './file/secret-names.ts'
import { layoutOf } from './layout.ts'
import type { SiteSecrets } from './secrets.ts'
import { nodePorts, pipOf, type Site, siteHosts, siteUrls } from './site.ts'
import type { StatePaths } from './state.ts'

export interface ContextSources {
  readonly site: Site
  readonly paths: StatePaths
  /** `undefined`: for looking only, at steps that name none. */
  readonly secrets: SiteSecrets | undefined
  /** The checkout: its folders of charts, modules and scripts. */
  readonly project: string
  /** Whether anything of the cloud may exist. */
  readonly made: boolean
}

/** What placeholders of the site's plans can name. A pure function of the site: no environment, no clock. */
export function siteContext({ site, paths, secrets, project, made }: ContextSources): Record<string, unknown> {
  const { machines, volumes, selectsRoles, values } = layoutOf(site)
  return {
    site: {
      ...site,
      hosts: siteHosts(site),
      urls: siteUrls(site),
      names: hostNames(site, ['admin', 'demo']),
      nodePorts,
      selectsRoles,
      machines,
      volumes,
      over: values,
      isMade: made,
      state: site.layout?.state ?? {},
      addresses: serviceSite(site),
      door: frontDoor(site),
      ingressTls: ingressTls(site),
    },
    paths: {
      kubeconfig: paths.kubeconfig,
      ca: paths.ca,
      socket: paths.socket,
      volumes: `${paths.terraform}/volumes`,
      cluster: `${paths.terraform}/cluster`,
      charts: `${project}/charts`,
      modules: `${project}/terraform`,
      scripts: `${project}/catalog/scripts`,
    },
    ...(secrets === undefined ? {} : { secrets }),
    manifests: {
      namespaces: namespaceManifests(),
      secrets: secrets === undefined ? [] : secretManifests(secrets),
    },
  }
}

/** Values `tls` of chart omegaml-ingress. */
function ingressTls({ tls, ports }: Site): Record<string, unknown> {
  return tls === undefined ? {} : { secretName: secretNames.tls, redirectPort: ports.https }
}

/** How the site's own programs reach its ingress on the loopback. */
function frontDoor({ tls, ports }: Site): { port: number; tls: boolean } {
  return tls === undefined ? { port: ports.http, tls: false } : { port: ports.https, tls: true }
}

/** What the service needs to know to write addresses into its accounts' settings. */
export function serviceSite(site: Site): Record<string, unknown> {
  const hosts = siteHosts(site)
  const urls = siteUrls(site)
  const inside = (name: string, port: number) => `${name}.omegaml-services.svc.cluster.local:${port}`
  return {
    domain: site.domain,
    publicUrl: urls.api,
    notebookUrl: urls.notebook,
    internalUrl: `http://${inside('omegaweb', 8080)}`,
    mongo: { publicHost: `${hosts.mongo}:${site.ports.mongo}`, internalHost: inside('mongodb', 27017) },
    broker: {
      publicHost: `${hosts.broker}:${site.ports.broker}`,
      internalHost: inside('rabbitmq', 5672),
      vhost: 'omegaml',
    },
    tls: site.tls !== undefined,
    // The cloud that its machines come from.
    provider: 'local',
    pip: pipOf(site.packageIndex),
    signUp: site.signUp === undefined ? { open: false } : { open: true, runtime: site.signUp },
  }
}
