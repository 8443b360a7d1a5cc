import { basename, join } from 'node:path'
import type { Terraform } from '../adapters/terraform/port.ts'
import type { ClusterSpec, PoolSpec } from '../clusters/cluster-spec.ts'
import { type HcloudSettings, hcloudClusterRoot, hcloudEnv, hcloudVolumesRoot } from '../clusters/hcloud-root.ts'
import { type OrderedPools, withOrderedPools } from '../clusters/ordered-pools.ts'
import { loadProvider } from '../clusters/provider.ts'
import {
  machineDrivers,
  type MachineDriver,
  rancherClouds,
  rancherEnv,
  rancherRoot,
  type RancherSettings,
} from '../clusters/rancher-root.ts'
import { rancherHetznerEnv, rancherHetznerRoot } from '../clusters/rancher-hetzner-root.ts'
import { rancherImportRoot } from '../clusters/rancher-import-root.ts'
import {
  rancherAdminEnv,
  rancherAdminRoot,
  rancherServerEnv,
  rancherServerRoot,
} from '../clusters/rancher-server-root.ts'
import { loadRancherMatrix, type RancherLine, rancherLine } from '../clusters/rancher-versions.ts'
import type { BackupSecrets } from '../clusters/rancher-charts.ts'
import { rancherAlerts } from './file/monitoring.ts'
import { rancherBackupSecrets } from './file/to-cloud.ts'
import type { TerraformRoot } from '../clusters/root.ts'
import { AppError, must } from '../base/errors.ts'
import { usualCloudVersion } from '../base/kubernetes-version.ts'
import {
  type Cloud,
  hasOwnRancher,
  isImported,
  isJoined,
  type RancherCloud,
  rancherOf,
  type SiteRancher,
} from './cloud.ts'
import { withTokenAdvice } from './rancher-refusals.ts'
import { clusterKeysIn } from './site-keys.ts'
import { withEnv } from './terraform-env.ts'

/** `rancher`: the machine of a Rancher of the site's own. `rancher-admin`: the first sign-in there. `import`: a cluster that a Rancher did not make, in it. */
export type CloudStage = 'rancher' | 'rancher-admin' | 'volumes' | 'cluster' | 'import'

export interface CloudSite {
  readonly name: string
  readonly domain: string
  readonly cloud: Cloud
  /** Sizes in GB by name. */
  readonly volumes: Readonly<Record<string, number>>
  /** The project's folder `terraform/`, relative to the folder of the root. */
  readonly modules: string
  /** `catalog/providers`. */
  readonly providers: string
  /** Volumes, and the machine of a Rancher, may be deleted: before they go for good. */
  readonly unprotected?: boolean
  /** The cluster runs the Rancher's agent, or will; left out: it does. */
  readonly registered?: boolean
  /** Machines of Rancher's pools as they are now: an autoscaled pool keeps its own number. */
  readonly observed?: Readonly<Record<string, number>>
  /** Pools that accounts ordered of the Rancher; left out where only the operator changes its cluster. */
  readonly ordered?: OrderedPools
  /** The Rancher gives another token. */
  readonly renew?: boolean
}

/** Which roots the site has, in the order in which they are made. */
export function stagesOf(cloud: Cloud): readonly CloudStage[] {
  const machine: readonly CloudStage[] = rancherOf(cloud)?.server === undefined ? [] : ['rancher']
  const rancher: readonly CloudStage[] = hasOwnRancher(cloud) ? [...machine, 'rancher-admin'] : []
  const own: Readonly<Record<Cloud['kind'], readonly CloudStage[]>> = {
    hcloud: ['volumes', 'cluster'],
    rancher: ['cluster'],
    existing: [],
  }
  return [...rancher, ...own[cloud.kind], ...(isImported(cloud) ? (['import'] as const) : [])]
}

/** Whether a root asks a Rancher, which may not be there yet. */
export function asksRancher(stage: CloudStage, cloud: Cloud): boolean {
  return stage === 'rancher-admin' || stage === 'import' || (stage === 'cluster' && cloud.kind === 'rancher')
}

/** One root of a site whose machines are ordered of a cloud. Its state is kept by the engine that runs it. */
export function cloudRoot(stage: CloudStage, site: CloudSite): TerraformRoot {
  const { cloud } = site
  const backend = { http: {} }
  if (stage === 'rancher' || stage === 'rancher-admin') return serverRoot(stage, site)
  if (stage === 'import') return importRoot(site)
  switch (cloud.kind) {
    case 'existing':
      throw new AppError('bug', 'no-root', 'a cluster that is there has no Terraform root')
    case 'hcloud': {
      const settings: HcloudSettings = {
        location: cloud.location,
        sshKeys: cloud.sshKeys,
        sshRanges: cloud.adminCidrs,
        apiRanges: cloud.adminCidrs,
        modules: site.modules,
        backend,
        ...(site.unprotected === true ? { unprotected: true } : {}),
      }
      if (stage === 'volumes') return hcloudVolumesRoot(specOf(site, cloud), settings)
      return hcloudClusterRoot(specOf(site, cloud), settings, loadProvider(site.providers, 'hcloud'))
    }
    case 'rancher': {
      const settings = {
        url: cloud.url,
        machine: cloud.machine,
        distribution: cloud.distribution,
        ...limitsOf(cloud),
        ...(cloud.monitoring === undefined ? {} : { monitoring: monitoringOf(cloud.monitoring) }),
        modules: site.modules,
        backend,
      }
      const [spec, line] = [specOf(site, cloud), lineOf(site, cloud)]
      if (isJoined(cloud)) return rancherHetznerRoot(spec, settings, line)
      const root = rancherRoot(
        spec,
        {
          ...settings,
          driver: driverOf(cloud.driver),
          ...(cloud.credentialName === undefined ? {} : { credentialName: cloud.credentialName }),
          ...(site.observed === undefined ? {} : { observed: site.observed }),
        },
        line,
      )
      return site.ordered === undefined ? root : withOrderedPools(root, site.ordered)
    }
  }
}

function serverRoot(stage: 'rancher' | 'rancher-admin', site: CloudSite): TerraformRoot {
  const { name, cloud, modules, unprotected = false, renew = false } = site
  const rancher = must(rancherOf(cloud), 'the Rancher of the site')
  const line = lineOf(site, rancher)
  if (stage === 'rancher-admin') return rancherAdminRoot({ url: rancher.url, modules, renew }, line)
  const server = must(rancher.server, 'the machine of the Rancher')
  return rancherServerRoot({ name: `${name}-rancher`, ...server, modules, unprotected }, line)
}

function importRoot(site: CloudSite): TerraformRoot {
  const { name, cloud, modules, registered = true } = site
  const rancher = must(rancherOf(cloud), 'the Rancher of the site')
  const monitoring = rancher.monitoring === undefined ? {} : { monitoring: monitoringOf(rancher.monitoring) }
  const limits = limitsOf(rancher)
  return rancherImportRoot(
    { name, url: rancher.url, modules, registered, ...limits, ...monitoring },
    lineOf(site, rancher),
  )
}

function limitsOf({ limits }: Pick<SiteRancher, 'limits'>): Pick<RancherSettings, 'quota' | 'container'> {
  if (limits === undefined) return {}
  return { quota: limits.quota, ...(limits.container === undefined ? {} : { container: limits.container }) }
}

function lineOf({ providers }: CloudSite, rancher: Pick<SiteRancher, 'version'>): RancherLine {
  return catalogueLine(providers, rancher)
}

/** What a Rancher in a cluster is made of, by its version. */
export function rancherParts(providers: string, version: string | undefined) {
  const matrix = loadRancherMatrix(join(providers, '..', 'rancher.yml'))
  return { line: rancherLine(matrix, version), certManager: matrix.certManager }
}

/** Of a Rancher in a cluster, among the site's secrets. */
export function rancherServerSecrets(secrets: Readonly<Record<string, string>>) {
  const backup = Object.entries(rancherBackupSecrets).map(([field, name]) => [field, secrets[name]])
  return {
    bootstrapPassword: must(secrets['rancher-bootstrap-password'], 'the password of the first sign-in'),
    ...(secrets[rancherBackupSecrets.accessKey] === undefined
      ? {}
      : { backup: Object.fromEntries(backup) as unknown as BackupSecrets }),
  }
}

/** What goes with this version of Rancher; `providers` is `catalog/providers`. */
export function catalogueLine(providers: string, { version }: Pick<SiteRancher, 'version'>): RancherLine {
  return rancherLine(loadRancherMatrix(join(providers, '..', 'rancher.yml')), version)
}

function monitoringOf({
  storageClass,
  ...rest
}: NonNullable<RancherCloud['monitoring']>): NonNullable<RancherSettings['monitoring']> {
  return storageClass === undefined ? rest : { ...rest, storageClass }
}

/** Secrets of a root's run, by the environment: neither files nor arguments hold them. Those that are made here are among `secrets`. */
export function cloudEnv(
  stage: CloudStage,
  cloud: Cloud,
  secrets: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { token = '' } = secrets
  const bootstrapPassword = secrets['rancher-bootstrap-password'] ?? ''
  if (stage === 'rancher-admin')
    return rancherAdminEnv({ bootstrapPassword, adminPassword: secrets['rancher-admin-password'] ?? '' })
  if (stage === 'rancher') {
    const keys = clusterKeysIn(secrets, 'rancher-keys')
    const own = secrets['rancher-hcloud-token'] ?? hetznerToken(cloud, secrets)
    return rancherServerEnv({ token: own, bootstrapPassword, keys })
  }
  if (stage === 'import') return rancherEnv({ token: rancherTokenIn(cloud, secrets), ...alertsIn(cloud, secrets) })
  switch (cloud.kind) {
    case 'existing':
      return {}
    case 'hcloud':
      return hcloudEnv({
        token,
        clusterToken: secrets['cluster-token'] ?? token,
        keys: clusterKeysIn(secrets, 'cluster-keys'),
      })
    case 'rancher': {
      const credential = credentialIn(secrets)
      const given = Object.keys(credential).length === 0 ? {} : { credential }
      const common = { token: rancherTokenIn(cloud, secrets), ...alertsIn(cloud, secrets) }
      if (isJoined(cloud)) return rancherHetznerEnv(common, hetznerToken(cloud, secrets))
      return rancherEnv({ ...common, ...given })
    }
  }
}

/** Fields of the cloud's credential that the site file gives; none where Rancher has its own. */
export function credentialIn(secrets: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const fields = Object.entries(secrets).filter(([name]) => name.startsWith('credential-'))
  return Object.fromEntries(fields.map(([name, value]) => [name.slice('credential-'.length), value]))
}

/** Of the site's machines there, by whichever provider. */
function hetznerToken(cloud: Cloud, secrets: Readonly<Record<string, string>>): string {
  return (isJoined(cloud) ? credentialIn(secrets)['token'] : secrets['token']) ?? ''
}

/** Whether the service changes the root of the cluster, too: a Rancher's, in a state that it can reach. */
export function isShared(cloud: Cloud | undefined, state: { readonly backend?: string | undefined } = {}): boolean {
  return cloud?.kind === 'rancher' && !isJoined(cloud) && state.backend !== undefined && state.backend !== 'local'
}

/** Whether an autoscaler sets the size of any of its pools. */
export function isScaled(cloud: Cloud | undefined): boolean {
  return cloud?.kind === 'rancher' && cloud.pools.some(({ min }) => min !== undefined)
}

/** Of a Rancher of the site's own, else that of the site file; sites made before have it by another name. */
export function rancherTokenIn(cloud: Cloud, secrets: Readonly<Record<string, string>>): string {
  return (hasOwnRancher(cloud) ? secrets['rancher-token'] : (secrets['rancher-given-token'] ?? secrets['token'])) ?? ''
}

function alertsIn(cloud: Cloud, secrets: Readonly<Record<string, string>>) {
  const alerts = rancherOf(cloud)?.alerts
  return alerts === undefined ? {} : { alerts: rancherAlerts(alerts, secrets) }
}

/** Terraform for a cloud's roots, by the names of their folders, with their secrets. */
export function orderingTerraform(
  terraform: Terraform,
  cloud: Cloud,
  secrets: () => Readonly<Record<string, string>>,
): Terraform {
  const withSecrets = withEnv(terraform, (root) => cloudEnv(basename(root) as CloudStage, cloud, secrets()))
  return withTokenAdvice(withSecrets, rancherOf(cloud))
}

/** Folders of modules that the roots call, below `terraform/`. */
export function modulesOf(cloud: Cloud): readonly string[] {
  const own: Readonly<Record<Cloud['kind'], readonly string[]>> = {
    hcloud: ['hcloud-volumes', 'hcloud-cluster'],
    rancher: ['rancher-cluster'],
    existing: [],
  }
  // Machines at Hetzner begin with files of module hcloud-cluster.
  const machine = rancherOf(cloud)?.server === undefined && !isJoined(cloud) ? [] : ['hcloud-cluster']
  const server = hasOwnRancher(cloud) ? ['rancher-server'] : []
  // What Rancher does for a cluster is part of module rancher-cluster.
  const imported = isImported(cloud) ? ['existing', 'rancher-cluster'] : []
  return [...new Set([...own[cloud.kind], ...server, ...machine, ...imported])]
}

export const providersFolder = (project: string): string => join(project, 'catalog', 'providers')

/** What operators are told, whoever brings Prometheus. */
export const rulesFile = (project: string): string => join(project, 'terraform', 'rancher-cluster', 'rules.yaml')

function specOf(
  { name, domain, volumes }: CloudSite,
  { pools, kubernetesVersion = usualCloudVersion }: Exclude<Cloud, { kind: 'existing' }>,
): ClusterSpec {
  return { name, domain, kubernetesVersion, pools: pools as readonly PoolSpec[], volumes }
}

function driverOf(name: string): MachineDriver {
  const found = machineDrivers.find((one) => one === name)
  if (found !== undefined) return found
  const right = rancherClouds.join(', ')
  throw new AppError('invalid', 'driver-unknown', `provider.cloud: ${JSON.stringify(name)}; right is one of ${right}`, {
    details: { field: 'provider.cloud', value: name, right },
  })
}
