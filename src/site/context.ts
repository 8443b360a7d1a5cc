import {
  cloudOf,
  gpuOf,
  hasOwnRancher,
  isFar,
  isImported,
  kindOf,
  kubernetesOf,
  machineCount,
  mustBeExisting,
  rancherOf,
  registryOf,
} from './cloud.ts'
import { isScaled, isShared, stagesOf as cloudStages } from './cloud-roots.ts'
import { hostNames } from './hosts.ts'
import type { Manifest } from '../adapters/kubernetes/port.ts'
import type { RegistryAccess } from '../images/registry.ts'
import { monitoringNamespace, siteNamespaces } from './components.ts'
import { alertsSecret, isAlertSecret } from './file/monitoring.ts'
import { namespaceManifests, secret, secretManifests } from './manifests.ts'
import { secretNames } from './file/secret-names.ts'
import { layoutOf } from './layout.ts'
import { pullSecret } from './pull-secret.ts'
import { cloudSecrets, type SiteSecrets } from './secrets.ts'
import { farPrograms } from './far-programs.ts'
import { siteTools } from '../tools/catalogue.ts'
import { nodePorts, pipOf, simulatedParts, type Site, siteHosts, siteUrls, tlsOf } from './site.ts'
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
  /** Whether anything may be on a cluster elsewhere. */
  readonly reached?: boolean
}

/** What placeholders of the site's plans can name. A pure function of the site: no environment, no clock. */
export function siteContext({
  site,
  paths,
  secrets,
  project,
  made,
  reached = false,
}: ContextSources): Record<string, unknown> {
  const { machines, volumes, selectsRoles, values, monitoring } = layoutOf(site)
  return {
    site: {
      ...site,
      // Empty: on the loopback alone.
      listen: site.listen ?? '',
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
      simulatedService: simulatedService(site),
      door: frontDoor(site),
      ingressTls: ingressTls(site),
      on: stagesOf(site),
      made: madeOf(site, made, reached),
      programs: isFar(site) ? farPrograms : siteTools,
      // Of this computer; elsewhere the cloud brings it.
      kubernetes: isFar(site) ? [] : [kubernetesOf(site)],
      ...(isFar(site) ? {} : { kubernetesVersion: kubernetesOf(site) }),
      machineCount: machineCount(site),
      kind: kindOf(site),
      monitoring: monitoring === undefined ? {} : { values: monitoring },
      // As catalog/providers/local.yml says: nothing makes volumes on demand there.
      storage: isFar(site) ? {} : { orderedClass: 'omegaml-ordered' },
      ...(registryOf(site) === undefined ? {} : { registry: registryOf(site) }),
      ...(isFar(site) ? { cloud: cloudOf(site) } : {}),
      noProject: '',
      gpu: gpuOf(cloudOf(site)),
      rancher: rancherFacts(site),
      ...(kindOf(site) === 'existing' ? { existing: mustBeExisting(cloudOf(site)) } : {}),
    },
    paths: {
      service: `${paths.folder}/service`,
      kubeconfig: paths.kubeconfig,
      ca: paths.ca,
      socket: paths.socket,
      terraform: paths.terraform,
      volumes: `${paths.terraform}/volumes`,
      cluster: `${paths.terraform}/cluster`,
      rancher: `${paths.terraform}/rancher`,
      charts: `${project}/charts`,
      modules: `${project}/terraform`,
      scripts: `${project}/catalog/scripts`,
    },
    ...(secrets === undefined ? {} : { secrets: { ...secrets, ...cloudSecrets(secrets) } }),
    manifests: {
      namespaces: namespaceManifests(isFar(site) ? site.name : undefined),
      secrets: secrets === undefined ? [] : [...secretManifests(secrets), ...pullSecrets(site, secrets)],
      alerts: secrets === undefined ? [] : alertSecrets(secrets),
    },
  }
}

/** The facts of a service that runs on this host, beside a cluster of simulated machines. */
function simulatedService(site: Site): Record<string, unknown> {
  // Pods that only say that they run pull nothing.
  return { ...serviceSite(site), images: { runtime: 'simulated/omegaml-runtime' }, simulated: [...simulatedParts] }
}

/** Values `tls` of chart omegaml-ingress. Only where it is encrypted for others' sake, plain HTTP goes on on the loopback. */
function ingressTls(site: Site): Record<string, unknown> {
  if (tlsOf(site) === undefined) return { secretName: '' }
  const redirect = site.tls === undefined ? { redirect: false } : { redirectPort: site.ports.https }
  return { secretName: secretNames.tls, ...redirect }
}

/** The port that people write behind its names. */
function frontDoor(site: Site): { port: number } {
  return { port: tlsOf(site) === undefined ? site.ports.http : site.ports.https }
}

/** Which of plan `site`'s steps this site has. */
function stagesOf(site: Site) {
  const kind = kindOf(site)
  return {
    local: kind === 'local',
    far: isFar(site),
    existing: kind === 'existing',
    hcloud: kind === 'hcloud',
    byRancher: kind === 'rancher',
    // Terraform roots of a cloud, or of a Rancher.
    roots: rootsOf(site).length > 0,
    // Of a Rancher's cluster the storage class makes them.
    volumes: kind === 'local' || kind === 'hcloud',
    cluster: kind !== 'existing',
    // With a Rancher only to take away what was there before it.
    monitoring: kind === 'existing' || kind === 'hcloud',
    // Without machines that have GPUs only to take away what was brought for them.
    gpu: kind === 'existing' || kind === 'rancher',
    // A storage class makes them, of a cluster that goes.
    disks: kind === 'rancher',
    // Beside the site's own, ordered of its Rancher.
    orderedClusters: kind === 'rancher',
    // One of the site's own.
    rancher: hasOwnRancher(cloudOf(site)),
    rancherMachine: rancherOf(cloudOf(site))?.server !== undefined,
    rancherInCluster: rancherOf(cloudOf(site))?.inCluster !== undefined,
    imported: isImported(cloudOf(site)),
    scaled: isScaled(cloudOf(site)) || isShared(cloudOf(site), site.layout?.state),
  }
}

function rancherFacts(site: Site) {
  const { url = '', inCluster, version } = rancherOf(cloudOf(site)) ?? {}
  if (inCluster === undefined) return { url }
  return { url, server: { rancher: inCluster, ...(version === undefined ? {} : { version }) } }
}

function rootsOf(site: Site): readonly string[] {
  const cloud = cloudOf(site)
  return cloud === undefined ? [] : cloudStages(cloud)
}

/** What may exist outside, for removals. */
function madeOf(site: Site, made: boolean, reached: boolean) {
  const { local, far, existing, hcloud, volumes, cluster, disks, imported, monitoring, ...of } = stagesOf(site)
  const and = (stage: boolean) => made && stage
  return {
    local: and(local),
    far: far && reached,
    existing: existing && reached,
    monitoring: monitoring && reached,
    volumes: and(volumes),
    cluster: and(cluster),
    disks: disks && reached,
    // Their cluster is gone, and whose driver would delete them.
    leftDisks: disks && !reached,
    rancher: and(of.rancher),
    rancherMachine: and(of.rancherMachine),
    rancherInCluster: and(of.rancherInCluster),
    imported: and(imported),
    hcloud: and(hcloud),
    orderedClusters: and(of.orderedClusters),
    // Hetzner's volumes are protected against deletion.
    protected: and(hcloud),
  }
}

function pullSecrets(site: Site, secrets: SiteSecrets): Manifest[] {
  const registry = registryOf(site)
  const { login } = registryAccess(secrets)
  if (registry === undefined || login === undefined) return []
  return siteNamespaces.map((namespace) => pullSecret(namespace, registry.pull, login))
}

/** What Alertmanager reads as files; in the namespace that the step for monitoring knows. */
function alertSecrets(secrets: SiteSecrets): Manifest[] {
  const values = Object.entries(cloudSecrets(secrets)).filter(([name]) => isAlertSecret(name))
  return values.length === 0 ? [] : [secret(monitoringNamespace, alertsSecret, Object.fromEntries(values))]
}

/** How the registry of the site file is spoken to. */
export function registryAccess(secrets: SiteSecrets): RegistryAccess {
  const { 'registry-username': username = '', 'registry-password': password, 'registry-ca': ca } = cloudSecrets(secrets)
  return { ...(password === undefined ? {} : { login: { username, password } }), ...(ca === undefined ? {} : { ca }) }
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
    tls: tlsOf(site) !== undefined,
    // The cloud that its machines come from.
    provider: kindOf(site),
    pip: pipOf(site.packageIndex),
    signUp: site.signUp === undefined ? { open: false } : { open: true, runtime: site.signUp },
  }
}
