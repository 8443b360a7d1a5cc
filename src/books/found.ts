import type { Thing } from '../actions/action.ts'
import { FORWARDING } from '../actions/broker-rights.ts'
import { BROKER_MARK } from '../actions/rabbitmq-access.ts'
import { everKnown } from '../accounts/audit.ts'
import type { Helm } from '../adapters/helm/port.ts'
import type { Jupyterhub } from '../adapters/jupyterhub/port.ts'
import type { KindRef, Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import type { Mongodb } from '../adapters/mongodb/port.ts'
import type { Rabbitmq } from '../adapters/rabbitmq/port.ts'
import { kindOf } from '../base/errors.ts'
import type { StateStore } from '../clusters/terraform-states.ts'
import { rootOfVolume, volumeOfRoot } from '../clusters/volume.ts'
import type { Db } from '../db/database.ts'
import { thingOf } from '../actions/kubernetes-apply.ts'
import type { Found } from './orphans.ts'
import { keyOf } from './thing-key.ts'

/** Where things of accounts may lie. */
export interface Outside {
  readonly db: Db
  readonly mongodb: Mongodb
  readonly rabbitmq: Rabbitmq
  readonly jupyterhub: Jupyterhub
  readonly kubernetes: Kubernetes
  readonly helm: Helm
  readonly states: Pick<StateStore, 'filledRoots'>
}

/** Everything outside that is, or may be, an account's. Looks only. */
export async function findThings(outside: Outside): Promise<Found[]> {
  const found: Found[] = []
  for (const system of Object.values(systems)) found.push(...(await system(outside)))
  return found
}

/** What of one system. */
export async function findThingsOf(system: Thing['system'], outside: Outside): Promise<Found[]> {
  return await systems[system](outside)
}

const systems: Readonly<Record<Thing['system'], (outside: Outside) => Promise<Found[]>>> = {
  mongodb: findInMongodb,
  rabbitmq: findInRabbitmq,
  jupyterhub: findInJupyterhub,
  kubernetes: findInKubernetes,
  helm: findInHelm,
  terraform: findRoots,
}

/** As accounts' users and databases are named. */
const randomName = /^[A-Za-z][A-Za-z0-9]{31}$/

async function findInMongodb({ mongodb }: Outside): Promise<Found[]> {
  const system = 'mongodb'
  const users = (await mongodb.listUsers()).flatMap(({ user, account, owned = [] }): Found[] => {
    const thing = { system, kind: 'user', name: user } as const
    if (account !== undefined) {
      const takes = owned.map((name) => keyOf({ system, kind: 'database', name }))
      return [{ ...thing, account, sure: true, detail: `noted beside it: of account ${account}`, takes }]
    }
    return randomName.test(user) ? [{ ...thing, sure: false, detail: 'named as ours are, without our note' }] : []
  })
  const databases = (await ifAllowed(mongodb.listDatabases())).filter((name) => randomName.test(name))
  const detail = 'named as ours are; nothing tells whose data it holds'
  return [...users, ...databases.map((name) => ({ system, kind: 'database', name, sure: false, detail }) as const)]
}

async function findInRabbitmq({ rabbitmq }: Outside): Promise<Found[]> {
  const detail = `has our tag ${BROKER_MARK}`
  const found = async (kind: 'user' | 'vhost', names: Promise<readonly string[]>): Promise<Found[]> =>
    (await names).map((name) => ({ system: 'rabbitmq', kind, name, sure: true, detail }))
  return [
    ...(await found('user', rabbitmq.usersWithTag(BROKER_MARK))),
    ...(await found('vhost', rabbitmq.vhostsWithTag(BROKER_MARK))),
    ...(await findWays(rabbitmq)),
  ]
}

/** Queues and exchanges of accounts on vhosts that they share; on one's own they go with it. */
async function findWays(rabbitmq: Rabbitmq): Promise<Found[]> {
  const own = new Set(await rabbitmq.vhostsWithTag(BROKER_MARK))
  const found: Found[] = []
  for (const vhost of (await rabbitmq.listVhosts()).filter((one) => !own.has(one))) {
    if ((await rabbitmq.findPolicy(vhost, FORWARDING.name)) === undefined) continue
    found.push(...waysOf('queue', vhost, await rabbitmq.listQueues(vhost)))
    found.push(...waysOf('exchange', vhost, await rabbitmq.listExchanges(vhost)))
  }
  return found
}

/** As `accountNames` has them: nobody may declare one of another account's. Of a share it is the giver's. */
function waysOf(kind: 'queue' | 'exchange', vhost: string, names: readonly string[]): Found[] {
  const pattern = kind === 'queue' ? /^q-(?:[a-z0-9-]+\.)?([a-z0-9-]+)$/ : /^x-(?:[a-z0-9-]+\.)?([a-z0-9-]+)$/
  return names.flatMap((name): Found[] => {
    const [, account] = pattern.exec(name) ?? []
    const detail = `named as that of account ${account} on a virtual host that accounts share`
    return account === undefined
      ? []
      : [{ system: 'rabbitmq', kind, name: `${vhost}/${name}`, account, sure: true, detail }]
  })
}

/** The hub has no labels; its users come from us, unless somebody gave it another way in. */
async function findInJupyterhub({ jupyterhub, db }: Outside): Promise<Found[]> {
  const users = (await jupyterhub.listUsers()).map(({ name }) => name)
  const known = await everKnown(db, users)
  return users.map((name) => ({
    system: 'jupyterhub',
    kind: 'user',
    name,
    account: name,
    sure: known.has(name),
    detail: known.has(name) ? `there was an account ${name}` : `there never was an account ${name}`,
  }))
}

const managed = 'app.kubernetes.io/managed-by=cloudmgr'
const accountLabel = 'omegaml.io/account'
const namespaceKind: KindRef = { apiVersion: 'v1', kind: 'Namespace' }

/** What actions put into accounts' namespaces; what Helm puts there goes with its release. */
const kinds: readonly KindRef[] = [
  ...['Secret', 'ConfigMap', 'Service', 'PersistentVolumeClaim', 'ResourceQuota', 'LimitRange'].map((kind) => ({
    apiVersion: 'v1',
    kind,
  })),
  ...['Deployment', 'StatefulSet'].map((kind) => ({ apiVersion: 'apps/v1', kind })),
  ...['Job', 'CronJob'].map((kind) => ({ apiVersion: 'batch/v1', kind })),
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
]

async function findInKubernetes({ kubernetes }: Outside): Promise<Found[]> {
  const found: Found[] = []
  const namespaces = await kubernetes.list(namespaceKind, { labels: accountLabel })
  for (const { metadata } of namespaces) {
    const account = metadata.labels?.[accountLabel] ?? ''
    const marked = metadata.labels?.['app.kubernetes.io/managed-by'] === 'cloudmgr'
    const sure = marked && metadata.name === `om-${account}`
    const detail = sure
      ? `has our labels: of account ${account}`
      : 'has the label of an account, but not all that ours have'
    found.push({ system: 'kubernetes', kind: 'v1/Namespace', name: metadata.name, account, sure, detail })
  }
  const accounts = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels?.[accountLabel]]))
  for (const kind of kinds)
    for (const object of await ifAllowed(kubernetes.list(kind, { labels: managed })))
      found.push(...inNamespace({ ...object, ...kind }, accounts))
  return [...found, ...(await findVolumes(kubernetes, new Set(accounts.keys()))), ...(await findNodes(kubernetes))]
}

/** What we may not list we have not made: the rights are those of what plans make. */
async function ifAllowed<One>(listing: Promise<readonly One[]>): Promise<readonly One[]> {
  try {
    return await listing
  } catch (error) {
    if (kindOf(error) === 'forbidden') return []
    throw error
  }
}

function inNamespace(object: Manifest, accounts: ReadonlyMap<string, string | undefined>): Found[] {
  const { namespace = '' } = object.metadata
  const account = accounts.get(namespace)
  if (account === undefined) return []
  const found = { ...thingOf(object), account, sure: true, within: namespaceKey(namespace) }
  if (object.kind !== 'PersistentVolumeClaim') return [{ ...found, detail: 'has our label' }]
  // It goes with its namespace, or when it is asked for.
  const { volumeName: behind } = (object['spec'] ?? {}) as { volumeName?: string }
  const partOf = behind === undefined ? undefined : rootKey(rootOfVolume(behind))
  return [{ ...found, holdsData: true, detail: `has our label; ${KEPT}`, partOf }]
}

const KEPT = 'it may hold data that somebody wants'

function rootKey(name: string): string {
  return keyOf({ system: 'terraform', kind: 'root', name })
}

function namespaceKey(name: string): string {
  return keyOf({ system: 'kubernetes', kind: 'v1/Namespace', name })
}

/** Those in front of ordered volumes, and those whose claim is gone with its namespace and that the cluster was told to keep. */
async function findVolumes(kubernetes: Kubernetes, namespaces: ReadonlySet<string>): Promise<Found[]> {
  const volumes = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })
  return volumes.flatMap((volume): Found[] => {
    const thing = thingOf({ ...volume, apiVersion: 'v1', kind: 'PersistentVolume' })
    const account = orderedFor(volume)
    if (account !== undefined) {
      const partOf = rootKey(rootOfVolume(volume.metadata.name))
      return [{ ...thing, account, sure: true, holdsData: true, detail: `has our labels; ${KEPT}`, partOf }]
    }
    const { claimRef } = (volume['spec'] ?? {}) as { claimRef?: { namespace?: string } }
    const { phase } = (volume['status'] ?? {}) as { phase?: string }
    const of = claimRef?.namespace ?? ''
    if (phase !== 'Released' || !of.startsWith('om-') || namespaces.has(of)) return []
    const detail = `its claim is gone, and it is kept by its reclaim policy: ${KEPT}`
    return [{ ...thing, account: of.slice(3), sure: false, detail }]
  })
}

/** The account that a PersistentVolume was made for; undefined when it is not one of ours. */
function orderedFor({ metadata: { labels } }: Manifest): string | undefined {
  return labels?.['app.kubernetes.io/managed-by'] === 'cloudmgr' ? labels[accountLabel] : undefined
}

const poolLabel = 'omegaml.io/pool'

/** Nodes of pools; they go with the root that ordered them, and without it with the provider's help. */
async function findNodes(kubernetes: Kubernetes): Promise<Found[]> {
  const nodes = await kubernetes.list({ apiVersion: 'v1', kind: 'Node' }, { labels: poolLabel })
  return nodes.map((node) => ({
    ...thingOf({ ...node, apiVersion: 'v1', kind: 'Node' }),
    sure: false,
    detail: 'a node of an ordered pool: end its machine where the provider shows it',
    partOf: rootKey(`nodepool-${node.metadata.labels?.[poolLabel] ?? ''}`),
  }))
}

async function findInHelm({ helm }: Outside): Promise<Found[]> {
  const releases = (await helm.list()).filter(({ namespace }) => namespace.startsWith('om-'))
  const found: Found[] = []
  for (const { name, namespace } of releases) {
    const sure = (await helm.find(name, namespace))?.fingerprint !== undefined
    const thing = {
      system: 'helm',
      kind: 'release',
      name: `${namespace}/${name}`,
      account: namespace.slice(3),
    } as const
    const detail = sure ? 'has our fingerprint' : 'somebody else installed it'
    found.push({ ...thing, sure, detail, within: namespaceKey(namespace) })
  }
  return found
}

async function findRoots({ states, kubernetes }: Outside): Promise<Found[]> {
  const roots = await states.filledRoots()
  const ordered = roots.some((root) => volumeOfRoot(root) !== undefined) ? await volumeAccounts(kubernetes) : new Map()
  const detail = 'its state is in our database'
  return roots.flatMap((name): Found[] => {
    const thing = { system: 'terraform', kind: 'root', name, sure: true } as const
    const volume = volumeOfRoot(name)
    if (volume !== undefined)
      return [{ ...thing, account: ordered.get(volume), holdsData: true, detail: `${detail}; ${KEPT}` }]
    const pool = /^nodepool-([a-z0-9]+)-/.exec(name)
    return pool === null ? [] : [{ ...thing, account: pool[1], detail }]
  })
}

/** Whose the ordered volumes are, as the PersistentVolumes in front of them tell. */
async function volumeAccounts(kubernetes: Kubernetes): Promise<Map<string, string | undefined>> {
  const volumes = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' }, { labels: managed })
  return new Map(volumes.map((volume) => [volume.metadata.name, orderedFor(volume)]))
}
