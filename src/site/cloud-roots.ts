import { join } from 'node:path'
import type { ClusterKeys } from '../clusters/cluster-keys.ts'
import type { ClusterSpec, PoolSpec } from '../clusters/cluster-spec.ts'
import { type HcloudSettings, hcloudClusterRoot, hcloudEnv, hcloudVolumesRoot } from '../clusters/hcloud-root.ts'
import { loadProvider } from '../clusters/provider.ts'
import {
  machineDrivers,
  type MachineDriver,
  rancherEnv,
  rancherRoot,
  type RancherSettings,
} from '../clusters/rancher-root.ts'
import { loadRancherMatrix, rancherLine } from '../clusters/rancher-versions.ts'
import { rancherAlerts } from './file/monitoring.ts'
import type { TerraformRoot } from '../clusters/root.ts'
import { AppError } from '../base/errors.ts'
import type { Cloud, RancherCloud } from './cloud.ts'

/** Of Kubernetes at clouds, where the distributions' releases lag behind our own. */
const cloudKubernetes = '1.35.8'

export type CloudStage = 'volumes' | 'cluster'

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
  /** The volumes may be deleted: before a purge. */
  readonly unprotected?: boolean
}

/** Which roots the site has, in the order in which they are made. */
export function stagesOf({ kind }: Cloud): readonly CloudStage[] {
  if (kind === 'hcloud') return ['volumes', 'cluster']
  return kind === 'rancher' ? ['cluster'] : []
}

/** One root of a site whose machines are ordered of a cloud. Its state is kept by the engine that runs it. */
export function cloudRoot(stage: CloudStage, site: CloudSite): TerraformRoot {
  const { cloud } = site
  const backend = { http: {} }
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
      if (stage === 'volumes') return hcloudVolumesRoot(specOf(site, cloud.pools), settings)
      return hcloudClusterRoot(specOf(site, cloud.pools), settings, loadProvider(site.providers, 'hcloud'))
    }
    case 'rancher':
      return rancherRoot(
        specOf(site, cloud.pools),
        {
          url: cloud.url,
          driver: driverOf(cloud.driver),
          machine: cloud.machine,
          ...(cloud.credentialName === undefined ? {} : { credentialName: cloud.credentialName }),
          distribution: cloud.distribution,
          ...(cloud.monitoring === undefined ? {} : { monitoring: monitoringOf(cloud.monitoring) }),
          modules: site.modules,
          backend,
        },
        rancherLine(loadRancherMatrix(join(site.providers, '..', 'rancher.yml')), cloud.version),
      )
  }
}

function monitoringOf({
  storageClass,
  ...rest
}: NonNullable<RancherCloud['monitoring']>): NonNullable<RancherSettings['monitoring']> {
  return storageClass === undefined ? rest : { ...rest, storageClass }
}

/** Secrets of a run, by the environment: neither files nor arguments hold them. `keys` are those of a Hetzner cluster. */
export function cloudEnv(
  cloud: Cloud,
  secrets: Readonly<Record<string, string>>,
  keys: ClusterKeys | undefined,
): Readonly<Record<string, string>> {
  const { token = '' } = secrets
  switch (cloud.kind) {
    case 'existing':
      return {}
    case 'hcloud':
      if (keys === undefined)
        throw new AppError('bug', 'no-cluster-keys', 'the cluster’s keys are made before its root')
      return hcloudEnv({ token, clusterToken: secrets['cluster-token'] ?? token, keys })
    case 'rancher': {
      const fields = Object.entries(secrets).filter(([name]) => name.startsWith('credential-'))
      const credential = Object.fromEntries(fields.map(([name, value]) => [name.slice('credential-'.length), value]))
      const alerts = cloud.alerts === undefined ? {} : { alerts: rancherAlerts(cloud.alerts, secrets) }
      return rancherEnv({ token, ...(fields.length === 0 ? {} : { credential }), ...alerts })
    }
  }
}

/** Folders of modules that the roots call, below `terraform/`. */
export function modulesOf({ kind }: Cloud): readonly string[] {
  if (kind === 'hcloud') return ['hcloud-volumes', 'hcloud-cluster']
  return kind === 'rancher' ? ['rancher-cluster'] : []
}

export const providersFolder = (project: string): string => join(project, 'catalog', 'providers')

/** What operators are told, whoever brings Prometheus. */
export const rulesFile = (project: string): string => join(project, 'terraform', 'rancher-cluster', 'rules.yaml')

function specOf({ name, domain, volumes }: CloudSite, pools: readonly object[]): ClusterSpec {
  return { name, domain, kubernetesVersion: cloudKubernetes, pools: pools as readonly PoolSpec[], volumes }
}

function driverOf(name: string): MachineDriver {
  const found = machineDrivers.find((one) => one === name)
  if (found !== undefined) return found
  const right = machineDrivers.join(', ')
  throw new AppError('invalid', 'driver-unknown', `provider.cloud: ${JSON.stringify(name)}; right is one of ${right}`, {
    details: { field: 'provider.cloud', value: name, right },
  })
}
