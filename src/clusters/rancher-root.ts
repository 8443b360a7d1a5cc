import { AppError } from '../base/errors.ts'
import type { ClusterSpec, PoolSpec } from './cluster-spec.ts'
import { expression } from './expression.ts'
import type { RancherLine } from './rancher-versions.ts'
import type { TerraformRoot } from './root.ts'

/** Machine drivers that module rancher-cluster has settings for. */
export const machineDrivers = [
  'amazonec2',
  'azure',
  'digitalocean',
  'google',
  'linode',
  'openstack',
  'vsphere',
] as const
export type MachineDriver = (typeof machineDrivers)[number]

/** Clouds of a Rancher. For Hetzner it has no driver: its machines join by themselves (`rancher-hetzner-root.ts`). */
export const rancherClouds = [...machineDrivers, 'hetzner'] as const
export type RancherCloudName = (typeof rancherClouds)[number]

/** How a cluster is had from a Rancher. No secret is among it: those come by `rancherEnv`. */
export interface RancherSettings {
  /** Of Rancher's API: `https://rancher.example.com`. */
  readonly url: string
  /** PEM of the authority of `url`, where the world does not know it. */
  readonly ca?: string
  /** Left out: a custom cluster, whose machines come from elsewhere. */
  readonly driver?: MachineDriver
  /** Settings of all machines, as of the driver's block in rancher2_machine_config_v2. */
  readonly machine?: Readonly<Record<string, unknown>>
  /** Name of a cloud credential that Rancher has; left out, one is made of the secrets' `credential`. */
  readonly credentialName?: string
  readonly distribution: 'rke2' | 'k3s'
  /** The distribution's release of its Kubernetes version: the 2 of `v1.35.8+rke2r2`. */
  readonly distributionRelease?: number
  /** Network of RKE2's pods. */
  readonly cni?: 'calico' | 'canal' | 'cilium'
  /** Name of an external cloud provider, whose controller `additionalManifest` (YAML) brings. */
  readonly cloudProvider?: string
  readonly additionalManifest?: string
  readonly snapshots?: {
    readonly schedule?: string
    readonly retention?: number
    readonly s3?: {
      readonly bucket: string
      readonly endpoint: string
      readonly region?: string
      readonly folder?: string
    }
  }
  /** Quotas in Rancher's words (`limits_cpu`, `requests_storage`, …): of all namespaces together, and of one by default. */
  readonly quota?: {
    readonly project: Readonly<Record<string, string>>
    readonly namespace: Readonly<Record<string, string>>
  }
  /** What a container has that says nothing. */
  readonly container?: Readonly<Record<string, string>>
  /** Rancher Monitoring; left out, there is none. */
  readonly monitoring?: {
    readonly version?: string
    /** How long figures are kept, such as `10d`. */
    readonly retention?: string
    readonly storageClass?: string
    readonly storageGb?: number
    readonly nodeRole?: string
  }
  /** Sizes of pools as they are now: an autoscaled pool keeps its own. */
  readonly observed?: Readonly<Record<string, number>>
  /** Things that exist and no state knows, by address in the module: they are taken over instead of made. */
  readonly adopt?: Readonly<Record<string, string>>
  /** The project's folder `terraform/`, relative to the folder of the root. */
  readonly modules: string
  /** Where the state lies: the engine that runs it, when left out. */
  readonly backend?: Readonly<Record<string, unknown>>
}

/** What must be neither in files nor in arguments. */
export interface RancherSecrets {
  readonly token: string
  /** Fields of the driver's cloud credential, in Rancher's words. */
  readonly credential?: Readonly<Record<string, string>>
  readonly s3?: { readonly accessKey: string; readonly secretKey: string }
  readonly alerts?: RancherAlerts
  /** Given, Rancher gets a user for this cluster alone, for what runs in it. */
  readonly servicePassword?: string
}

/** Whom Alertmanager tells. Addresses of webhooks and keys are secrets. */
export interface RancherAlerts {
  readonly mail?: {
    readonly to: readonly string[]
    readonly from: string
    /** `host:port`. */
    readonly smarthost: string
    readonly username?: string
    readonly password?: string
  }
  readonly webhooks?: readonly string[]
  readonly slack?: readonly { readonly url: string; readonly channel?: string }[]
  readonly pagerduty?: readonly string[]
}

const secretVariables = ['credential', 's3_credential', 'alerts', 'service_password'] as const

/** Stage `cluster` of a site whose machines Rancher orders. Disks of `volumes` are the storage class's, not this root's. */
export function rancherRoot(
  spec: ClusterSpec,
  settings: RancherSettings,
  /** Of `catalog/rancher.yml`, for the version of the Rancher; left out: what the module itself asks for. */
  line?: Pick<RancherLine, 'rancher' | 'provider'>,
): TerraformRoot {
  const variables = withoutUndefined({
    name: spec.name,
    rancher_minor: line?.rancher,
    kubernetes_version: kubernetesOf(spec, settings),
    ...machinesOf(spec, settings),
    credential_name: settings.credentialName,
    cni: settings.distribution === 'rke2' ? settings.cni : undefined,
    cloud_provider: settings.cloudProvider,
    additional_manifest: settings.additionalManifest,
    snapshots: settings.snapshots,
    project: withoutUndefined({ quota: settings.quota, container: settings.container }),
    monitoring: settings.monitoring === undefined ? undefined : monitoringValues(settings.monitoring),
  })
  const access = withoutUndefined({ rancher_url: settings.url, rancher_ca: settings.ca })
  const reference = (name: string) => [name, `\${var.${name}}`]
  const output = (name: string) => ({ value: `\${module.cluster.${name}}` })
  return {
    main: {
      terraform: {
        required_providers: {
          rancher2: { source: 'rancher/rancher2', ...(line === undefined ? {} : { version: line.provider }) },
        },
        backend: settings.backend ?? { http: {} },
      },
      variable: {
        ...Object.fromEntries([...Object.keys(access), ...Object.keys(variables)].map((name) => [name, {}])),
        ...Object.fromEntries(secretVariables.map((name) => [name, secretVariable(name)])),
        ...(settings.adopt === undefined ? {} : { adopted: {} }),
      },
      provider: {
        rancher2: {
          api_url: '${var.rancher_url}',
          ...(settings.ca === undefined ? {} : { ca_certs: '${var.rancher_ca}' }),
        },
      },
      module: {
        cluster: {
          source: `${settings.modules}/rancher-cluster`,
          ...Object.fromEntries([...Object.keys(variables), ...secretVariables].map(reference)),
        },
      },
      output: {
        ...Object.fromEntries(['cluster_id', 'project_id', 'pools'].map((name) => [name, output(name)])),
        ...Object.fromEntries(
          ['kubeconfig', 'service_token'].map((name) => [name, { ...output(name), sensitive: true }]),
        ),
      },
      ...adopted(settings.adopt ?? {}),
    },
    variables: {
      ...access,
      ...variables,
      ...(settings.adopt === undefined ? {} : { adopted: Object.values(settings.adopt) }),
    },
  }
}

/** The environment of a run: Rancher's token, and the root's secret variables. */
export function rancherEnv(secrets: RancherSecrets): Readonly<Record<string, string>> {
  const { mail, webhooks, slack, pagerduty } = secrets.alerts ?? {}
  const values: Record<(typeof secretVariables)[number], unknown> = {
    credential: secrets.credential,
    s3_credential:
      secrets.s3 === undefined ? undefined : { access_key: secrets.s3.accessKey, secret_key: secrets.s3.secretKey },
    alerts: secrets.alerts === undefined ? undefined : withoutUndefined({ mail, webhooks, slack, pagerduty }),
    service_password: secrets.servicePassword,
  }
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  const text = (value: unknown) => (typeof value === 'string' ? value : expression(value))
  return {
    RANCHER_TOKEN_KEY: secrets.token,
    ...Object.fromEntries(given.map(([name, value]) => [`TF_VAR_${name}`, text(value)])),
  }
}

// The module says what a variable may be; without a type its text from the environment would stay text.
export function secretVariable(name: (typeof secretVariables)[number]): Record<string, unknown> {
  const types = { credential: 'map(string)', s3_credential: 'any', alerts: 'any', service_password: 'string' }
  const defaults = { credential: {}, s3_credential: null, alerts: {}, service_password: null }
  return { type: types[name], default: defaults[name], sensitive: true }
}

function machinesOf({ pools }: ClusterSpec, { driver, machine, observed }: RancherSettings): Record<string, unknown> {
  if (driver === undefined) return { custom: true }
  return { pools: Object.fromEntries(pools.map((pool) => [pool.name, poolValues(pool)])), observed, [driver]: machine }
}

function kubernetesOf(spec: ClusterSpec, { distribution, distributionRelease = 1 }: RancherSettings): string {
  return `v${spec.kubernetesVersion}+${distribution === 'rke2' ? 'rke2r' : 'k3s'}${distributionRelease}`
}

export function poolValues(pool: PoolSpec): Record<string, unknown> {
  if (pool.simulated === true)
    throw new AppError('invalid', 'pool-invalid', `pool ${pool.name}: only the local cloud has simulated machines`, {
      details: { field: `pools.${pool.name}.simulated`, value: true, right: 'to leave it out' },
    })
  return withoutUndefined({
    role: pool.role,
    machine_type: pool.machineType,
    cores: pool.cores,
    memory_gb: pool.memoryGb,
    size: pool.size,
    min: pool.min,
    max: pool.max,
    disk_gb: pool.diskGb,
    labels: pool.labels ?? {},
    taints: (pool.taints ?? []).map(({ key, value, effect }) => ({ key, value: value ?? '', effect })),
  })
}

export function monitoringValues(monitoring: NonNullable<RancherSettings['monitoring']>): Record<string, unknown> {
  return withoutUndefined({
    version: monitoring.version,
    retention: monitoring.retention,
    storage_class: monitoring.storageClass,
    storage_gb: monitoring.storageGb,
    node_role: monitoring.nodeRole,
  })
}

function adopted(adopt: Readonly<Record<string, string>>): Record<string, unknown> {
  const blocks = Object.keys(adopt).map((address, index) => ({
    to: `module.cluster.${address}`,
    id: `\${var.adopted[${index}]}`,
  }))
  return blocks.length === 0 ? {} : { import: blocks }
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
