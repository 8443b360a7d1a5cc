import { parse, stringify } from 'yaml'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { removeDisks } from './cluster-disks.ts'
import type { ClusterMaker, ClusterOrder } from './cluster-maker.ts'
import { expression } from './expression.ts'
import { clusterOutput } from './local-cluster.ts'
import { machinesOfType, type OrderedPools, ownPools, type RancherHandover } from './ordered-pools.ts'
import type { CloudCredential } from './provider.ts'
import { type MachineDriver, machineDrivers, secretVariable } from './rancher-root.ts'
import type { PoolSite, TerraformRoot } from './root.ts'

/** What clusters of a Rancher are ordered with. */
export interface RancherClusters {
  /** The site's own cluster. */
  readonly site: string
  /** Read when it is needed: `up` may have changed it. */
  readonly handover: () => Promise<RancherHandover>
  /** Rancher's proxy lets service accounts of the cluster of this id in. */
  readonly takeServiceTokens: (handed: RancherHandover, id: string) => Promise<void>
  readonly ways: NonNullable<ClusterMaker['ways']>
  readonly clock: Clock
}

/** Machines of a cloud, the first start of RKE2 on them; Terraform has waited for most of it. */
const START_MS = 900_000

/** Of the handed-over root, for a cluster of the same cloud. The others are the site's own, or said anew. */
const same = [
  'rancher_url',
  'rancher_ca',
  'rancher_minor',
  'kubernetes_version',
  'credential_name',
  'cni',
  'cloud_provider',
  'additional_manifest',
  ...machineDrivers,
]
/** Of the handed-over environment: nothing of the state's backend, no alerts, no password of the site's service user. */
const sameEnv = ['RANCHER_TOKEN_KEY', 'TF_VAR_credential', 'TF_VAR_s3_credential']

/**
 * Clusters beside the site's own of the same Rancher, as its own cluster was made: driver, machines' settings, versions. With
 * one machine of the control plane, without monitoring and quotas of a project: namespaces have the quota of their accounts.
 */
export function rancherCluster({ site, handover, takeServiceTokens, ways, clock }: RancherClusters): ClusterMaker {
  return {
    check: async (order) => void variablesOf(site, order, shared(await handover())),
    rootFor: async (order) => {
      const handed = shared(await handover())
      const variables = variablesOf(site, order, handed)
      return { root: (at) => rootOf(at, handed, variables), env: envOf(handed, order.credential) }
    },
    rootForRemoval: async (name) => {
      const handed = shared(await handover())
      // A normal preview comes before each removal: it must hold together, whatever the cluster was made of.
      const pools = { control: { role: 'control', machine_type: 'none', size: 1 } }
      const { credential_name: _known, ...variables } = baseOf(site, name, handed)
      const gone = Object.fromEntries(credentialFields[driverOf(handed)].needed.map((field) => [field, 'gone']))
      const env = { ...envOf(handed, undefined), TF_VAR_credential: expression(gone) }
      return { root: (at) => rootOf(at, handed, { ...variables, pools }), env }
    },
    outputs: ['cluster_id'],
    made: async (outputs) => {
      const id = clusterOutput(outputs, 'cluster_id')
      const handed = shared(await handover())
      await takeServiceTokens(handed, id)
      const server = `${handed.url}/k8s/clusters/${id}`
      return { kubeconfig: kubeconfigOf(server, handed.variables['rancher_ca']), apiServer: server }
    },
    takesCredential: true,
    ways,
    beforeRemoval: async (name, kubernetes, running) => {
      const clue = `those that the cloud calls after cluster ${nameAtRancher(site, name)}`
      if (kubernetes !== undefined) await removeDisks({ cloud: 'the cloud', clue }, kubernetes, clock, running)
    },
    startMs: START_MS,
    nodes: ({ size }) => size + 1,
  }
}

/** Of a cluster, with its Rancher: it is told apart from those of other sites by it. */
export function nameAtRancher(site: string, name: string): string {
  const full = `${site}-${name}`
  if (full.length <= LONGEST) return full
  const right = `${LONGEST - site.length - 1} letters at most`
  throw refused('name', name, `at the Rancher it is called ${full}, which has ${full.length} letters`, right)
}

const LONGEST = 30
/** In the kubeconfig; it gets its token when somebody goes in. */
const USER = 'handed-over'

/** The token is not kept with the cluster: the next `up` may hand over another one. */
function kubeconfigOf(server: string, ca: unknown): string {
  const authority =
    typeof ca === 'string' && ca !== '' ? { 'certificate-authority-data': Buffer.from(ca).toString('base64') } : {}
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster: { server, ...authority } }],
    users: [{ name: USER, user: {} }],
    contexts: [{ name: 'cluster', context: { cluster: 'cluster', user: USER } }],
    'current-context': 'cluster',
  })
}

/** A kubeconfig of `rancherCluster` with the token that was handed over last; any other stays as it is. */
export async function withRancherToken(kubeconfig: string, handover: RancherClusters['handover']): Promise<string> {
  const { users = [], ...rest } = parse(kubeconfig) as { users?: { name: string }[] }
  if (users[0]?.name !== USER) return kubeconfig
  const { token } = await handover()
  return stringify({ ...rest, users: [{ name: USER, user: { token } }] })
}

/** `conflict` where the service has no way to the Rancher. */
function shared(handed: RancherHandover): RancherHandover {
  if (handed.token !== '' && handed.backend !== undefined) return handed
  throw new AppError(
    'conflict',
    'clusters-by-operator',
    "no token of the Rancher was handed over: the state of the site's cluster lies with the operator alone; with a shared backend in `state` of the site file clusters can be ordered",
  )
}

/** What stays the same whoever orders what. */
function baseOf(site: string, name: string, { variables }: RancherHandover): Record<string, unknown> {
  const full = nameAtRancher(site, name)
  const snapshots = snapshotsOf(variables['snapshots'], full)
  return {
    ...Object.fromEntries(Object.entries(variables).filter(([key]) => same.includes(key))),
    ...(snapshots === undefined ? {} : { snapshots }),
    name: full,
    ordered_by: site,
    // Accounts' namespaces are made by plan tenant, and the services' with what belongs into every cluster.
    namespaces: {},
  }
}

function variablesOf(site: string, order: ClusterOrder, handed: RancherHandover): Record<string, unknown> {
  driverOf(handed)
  if (order.role === 'control') throw refused('role', order.role, 'control is that of the control plane', 'another one')
  const own = ownPools(handed)
  const variables = baseOf(site, order.name, handed)
  const pools = { control: controlOf(own), workers: workersOf(order, own) }
  if (order.credential === undefined) return { ...variables, pools }
  credentialOf(order.credential, driverOf(handed))
  const { credential_name: _known, ...others } = variables
  return { ...others, pools }
}

function controlOf(own: OrderedPools): OrderedPools[string] {
  const found = Object.values(own).find(({ role }) => role === 'control')
  if (found === undefined) throw new AppError('bug', 'no-control', "the site's cluster has no pool of role control")
  return { ...found, size: 1 }
}

function workersOf({ type, role, size }: ClusterOrder, own: OrderedPools): OrderedPools[string] {
  // The plan's usual word, which a Rancher's clouds don't have.
  const { machine_type, cores, memory_gb, disk_gb } = machinesOfType(type === 'medium' ? 'small' : type, own) ?? {}
  const all = { role, machine_type, cores, memory_gb, disk_gb, size }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** A folder of its own: Rancher lists whatever lies there as snapshots of the cluster. */
function snapshotsOf(snapshots: unknown, name: string): unknown {
  const { s3, ...rest } = (snapshots ?? {}) as { s3?: { folder?: string } }
  if (s3 === undefined) return snapshots
  return { ...rest, s3: { ...s3, folder: [s3.folder, name].filter(Boolean).join('/') } }
}

function driverOf({ variables }: RancherHandover): MachineDriver {
  const found = machineDrivers.find((driver) => variables[driver] != null)
  if (found !== undefined) return found
  const text = "the machines of the site's cluster are not ordered by its Rancher: no cluster can be ordered like it"
  throw new AppError('conflict', 'clusters-by-operator', text)
}

function rootOf(
  { modules }: Pick<PoolSite, 'modules'>,
  { main }: RancherHandover,
  variables: Readonly<Record<string, unknown>>,
): TerraformRoot {
  const { terraform, provider } = main as { terraform?: Record<string, unknown>; provider?: object }
  const secrets = ['credential', 's3_credential'] as const
  const own = Object.keys(variables).filter((name) => name !== 'rancher_url' && name !== 'rancher_ca')
  const reference = (name: string) => [name, `\${var.${name}}`]
  return {
    main: {
      terraform: { required_providers: terraform?.['required_providers'], backend: { http: {} } },
      variable: {
        ...Object.fromEntries(Object.keys(variables).map((name) => [name, {}])),
        ...Object.fromEntries(secrets.map((name) => [name, secretVariable(name)])),
      },
      provider,
      module: {
        cluster: {
          source: `${modules}/rancher-cluster`,
          ...Object.fromEntries([...own, ...secrets].map(reference)),
        },
      },
      output: { cluster_id: { value: '${module.cluster.cluster_id}' } },
    },
    variables,
  }
}

function envOf(handed: RancherHandover, credential: CloudCredential | undefined): Readonly<Record<string, string>> {
  const env = Object.fromEntries(Object.entries(handed.env).filter(([name]) => sameEnv.includes(name)))
  if (credential === undefined) return env
  return { ...env, TF_VAR_credential: expression(credentialOf(credential, driverOf(handed))) }
}

/** Fields of a driver's cloud credential, and which of them are `key` and `secret` of plan credential. */
const credentialFields: Readonly<
  Record<MachineDriver, { key?: string; secret?: string; needed: readonly string[]; known?: readonly string[] }>
> = {
  amazonec2: { key: 'access_key', secret: 'secret_key', needed: ['access_key', 'secret_key'] },
  azure: { needed: ['client_id', 'client_secret', 'subscription_id'], known: ['tenant_id'] },
  digitalocean: { secret: 'access_token', needed: ['access_token'] },
  google: { secret: 'auth_encoded_json', needed: ['auth_encoded_json'] },
  linode: { secret: 'token', needed: ['token'] },
  openstack: { secret: 'password', needed: ['password'] },
  vsphere: { needed: ['username', 'password', 'vcenter'], known: ['vcenter_port'] },
}

/** In the driver's words. Refusals name fields, never values. */
export function credentialOf(credential: CloudCredential, driver: MachineDriver): Readonly<Record<string, string>> {
  const { name, provider, key, secret } = credential
  const refuse = (problem: string, right: string) =>
    new AppError('invalid', 'credential-invalid', `credential ${name}: ${problem}; right is ${right}`, {
      details: { field: 'credential', right },
    })
  if (provider !== undefined && provider !== 'rancher' && provider !== driver)
    throw refuse(`is for provider ${provider}`, `one for ${driver}`)
  const fields = credentialFields[driver]
  if (fields.secret !== undefined && fields.key === undefined) return { [fields.secret]: secret }
  if (fields.secret !== undefined && fields.key !== undefined) {
    if (key === undefined) throw refuse(`${driver} needs key`, `the ${fields.key} as key`)
    return { [fields.key]: key, [fields.secret]: secret }
  }
  const right = `a JSON object with ${fields.needed.join(', ')} as secret`
  const given = objectIn(secret)
  const known = [...fields.needed, ...(fields.known ?? [])]
  const isRight =
    given !== undefined &&
    fields.needed.every((field) => typeof given[field] === 'string' && given[field] !== '') &&
    Object.entries(given).every(([field, value]) => known.includes(field) && typeof value === 'string')
  if (!isRight) throw refuse(`${driver} needs several fields`, right)
  return given as Record<string, string>
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function refused(field: string, value: unknown, problem: string, right: string): AppError {
  return new AppError('invalid', 'cluster-invalid', `${field}: ${problem}; right is ${right}`, {
    details: { field, value, right },
  })
}
