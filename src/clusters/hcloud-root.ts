import { AppError } from '../base/errors.ts'
import type { ClusterKeys } from './cluster-keys.ts'
import type { ClusterSpec, PoolSpec } from './cluster-spec.ts'
import { expression } from './expression.ts'
import type { HcloudJoin } from './hcloud-nodepool-root.ts'
import { hasNodeType, type Provider } from './provider.ts'
import type { TerraformRoot } from './root.ts'

/** How a cluster is had from Hetzner. No secret is among it: those come by `hcloudEnv`. */
export interface HcloudSettings {
  /** Such as `fsn1`; volumes can be used in their own location only. */
  readonly location: string
  /** Of the location; `eu-central` when left out. */
  readonly networkZone?: string
  /** Names of Hetzner's SSH keys that open new machines. */
  readonly sshKeys?: readonly string[]
  /** Address ranges that reach port 22; nobody when left out. */
  readonly sshRanges?: readonly string[]
  /** Address ranges that reach the Kubernetes API; ours must be among them. */
  readonly apiRanges: readonly string[]
  /** The release of k3s for its Kubernetes version: the 1 of `v1.35.8+k3s1`. */
  readonly k3sRelease?: number
  /** Private address of a control machine that runs: before the first one is made anew. */
  readonly join?: string
  /** The project's folder `terraform/`, relative to the folder of the root. */
  readonly modules: string
  /** Where the state lies: a file beside the root when left out. */
  readonly backend?: Readonly<Record<string, unknown>>
  /** The volumes lose Hetzner's protection against deletion: before they are removed for good. */
  readonly unprotected?: boolean
}

/** What must be neither in files nor in arguments. */
export interface HcloudSecrets {
  /** Of Hetzner's API, for Terraform. */
  readonly token: string
  /** For the cloud controller and the CSI driver in the cluster; one of its own can be revoked alone. */
  readonly clusterToken: string
  readonly keys: ClusterKeys
}

/** Stage `volumes`: kept when the cluster goes. Its output `storage_values` are values of chart omegaml-storage. */
export function hcloudVolumesRoot(spec: ClusterSpec, settings: HcloudSettings): TerraformRoot {
  const volumes = Object.entries(spec.volumes).map(([name, sizeGb]) => [name, { size_gb: sizeGb }])
  return root(settings, {
    module: 'volumes',
    source: 'hcloud-volumes',
    variables: {
      name: spec.name,
      location: settings.location,
      volumes: Object.fromEntries(volumes),
      ...(settings.unprotected === true ? { protected: false } : {}),
    },
    outputs: ['volumes', 'storage_values'],
  })
}

/**
 * Stage `cluster`. The control plane is the pool of role `control`, of one machine or three. Where there is none, a pool of
 * one machine is the control plane and everything else.
 */
export function hcloudClusterRoot(spec: ClusterSpec, settings: HcloudSettings, provider: Provider): TerraformRoot {
  for (const pool of spec.pools) checkPool(pool, provider)
  const control = controlPool(spec.pools)
  const others = spec.pools.filter((pool) => pool !== control)
  return root(settings, {
    module: 'cluster',
    source: 'hcloud-cluster',
    variables: {
      name: spec.name,
      location: settings.location,
      ...(settings.networkZone === undefined ? {} : { network_zone: settings.networkZone }),
      ssh_keys: settings.sshKeys ?? [],
      ssh_ranges: settings.sshRanges ?? [],
      api_ranges: settings.apiRanges,
      k3s_version: `v${spec.kubernetesVersion}+k3s${settings.k3sRelease ?? 1}`,
      ...(settings.join === undefined ? {} : { join: settings.join }),
      control: { count: control.size, server_type: control.machineType, role: control.role },
      pools: Object.fromEntries(others.map((pool) => [pool.name, poolValues(pool)])),
    },
    outputs: ['api_server', 'ca', 'ingress', 'machines', 'joining'],
    secrets: ['hcloud_token', 'keys'],
    secretOutputs: ['kubeconfig', 'manifests'],
  })
}

/** A cluster beside the site's own, in its network. */
export interface HcloudOrdered {
  /** Name of the site's cluster: `down` finds by it what was ordered beside. */
  readonly site: string
  /** At Hetzner. */
  readonly name: string
  readonly joining: HcloudJoin['joining']
  readonly subnet: string
  readonly k3sVersion: string
  /** Of the machines beside the first. */
  readonly pool: string
  readonly role: string
  readonly machineType: string
  readonly size: number
}

/** A root whose state the engine keeps. The first machine is the control plane, and works, too. */
export function hcloudOrderedRoot(order: HcloudOrdered, modules: string): TerraformRoot {
  const { site, name, joining, role, machineType } = order
  const others = { role, server_type: machineType, size: order.size - 1 }
  return root(
    { modules, backend: { http: {} } },
    {
      module: 'cluster',
      source: 'hcloud-cluster',
      variables: {
        name,
        labels: { site, ordered: name },
        location: joining.location,
        image: joining.image,
        ssh_keys: joining.ssh_keys,
        network_id: joining.network_id,
        network_range: joining.network_range,
        subnet_range: order.subnet,
        private_api: true,
        api_ranges: [],
        load_balancer: false,
        k3s_version: order.k3sVersion,
        control: { count: 1, server_type: machineType, role },
        pools: others.size === 0 ? {} : { [order.pool]: others },
      },
      outputs: ['api_server'],
      secrets: ['hcloud_token', 'keys'],
    },
  )
}

/** The environment of a run: Hetzner's token, and the secret variables of stage `cluster`. */
export function hcloudEnv({ token, clusterToken, keys }: HcloudSecrets): Readonly<Record<string, string>> {
  return { HCLOUD_TOKEN: token, TF_VAR_hcloud_token: clusterToken, TF_VAR_keys: expression(keys) }
}

function controlPool(pools: readonly PoolSpec[]): PoolSpec {
  const controls = pools.filter(({ role }) => role === 'control')
  const [first, another] = controls
  if (another !== undefined) throw refused('control', controls.length, 'one pool of role control')
  if (first !== undefined) {
    if (first.size === 1 || first.size === 3) return first
    throw refused(`${first.name}.size`, first.size, '1 or 3: etcd needs an odd number')
  }
  const [only, ...more] = pools
  if (only !== undefined && more.length === 0 && only.size === 1) return only
  throw refused('control', 'none', 'a pool of role control, or one pool of one machine')
}

function checkPool(pool: PoolSpec, provider: Provider): void {
  const known = Object.keys(provider.nodeTypes).join(', ')
  if (pool.simulated === true)
    throw refused(`${pool.name}.simulated`, true, 'to leave it out: only the local cloud has such')
  if (pool.machineType === undefined || !hasNodeType(provider, pool.machineType))
    throw refused(`${pool.name}.machineType`, pool.machineType ?? 'none', `one of ${known}`)
  if (pool.diskGb !== undefined)
    throw refused(`${pool.name}.diskGb`, pool.diskGb, 'to leave it out: the disk comes with the type')
  // Nothing here makes machines by itself; a range would only look like it.
  if ((pool.min ?? pool.size) !== pool.size || (pool.max ?? pool.size) !== pool.size)
    throw refused(`${pool.name}.min`, `${pool.min} to ${pool.max}`, 'a fixed size: nothing scales plain machines')
  if (pool.labels?.['omegaml.io/role'] !== undefined)
    throw refused(`${pool.name}.labels`, 'omegaml.io/role', 'the role, which sets this label')
}

function refused(field: string, value: unknown, right: string): AppError {
  return new AppError('invalid', 'pool-invalid', `pools.${field}: ${String(value)}; right is ${right}`, {
    details: { field: `pools.${field}`, value, right },
  })
}

function poolValues(pool: PoolSpec): Record<string, unknown> {
  return {
    role: pool.role,
    server_type: pool.machineType,
    size: pool.size,
    labels: pool.labels ?? {},
    taints: (pool.taints ?? []).map(({ key, value, effect }) => ({ key, value: value ?? '', effect })),
  }
}

interface Parts {
  readonly module: string
  /** Folder below `terraform/`. */
  readonly source: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly outputs: readonly string[]
  /** Variables that come by the environment. */
  readonly secrets?: readonly string[]
  readonly secretOutputs?: readonly string[]
}

function root(settings: Pick<HcloudSettings, 'modules' | 'backend'>, parts: Parts): TerraformRoot {
  const secrets = parts.secrets ?? []
  const names = [...Object.keys(parts.variables), ...secrets]
  const output = (name: string) => ({ value: `\${module.${parts.module}.${name}}` })
  return {
    main: {
      terraform: {
        required_providers: { hcloud: { source: 'hetznercloud/hcloud', version: '~> 1.54' } },
        backend: settings.backend ?? { local: { path: 'terraform.tfstate' } },
      },
      variable: Object.fromEntries([
        ...Object.keys(parts.variables).map((name) => [name, {}]),
        // Without a type, text from the environment would stay text.
        ...secrets.map((name) => [name, { type: name === 'keys' ? 'any' : 'string', sensitive: true }]),
      ]),
      provider: { hcloud: {} },
      module: {
        [parts.module]: {
          source: `${settings.modules}/${parts.source}`,
          ...Object.fromEntries(names.map((name) => [name, `\${var.${name}}`])),
        },
      },
      output: Object.fromEntries([
        ...parts.outputs.map((name) => [name, output(name)]),
        ...(parts.secretOutputs ?? []).map((name) => [name, { ...output(name), sensitive: true }]),
      ]),
    },
    variables: parts.variables,
  }
}
