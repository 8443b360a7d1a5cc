import type { Thing } from '../actions/action.ts'
import { FORWARDING } from '../actions/broker-rights.ts'
import { thingAt } from '../actions/on-cluster.ts'
import { BROKER_MARK } from '../actions/rabbitmq-access.ts'
import { everKnown } from '../accounts/audit.ts'
import type { Helm } from '../adapters/helm/port.ts'
import type { Jupyterhub } from '../adapters/jupyterhub/port.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import type { Mongodb } from '../adapters/mongodb/port.ts'
import type { Rabbitmq } from '../adapters/rabbitmq/port.ts'
import type { Door, Doors } from '../clusters/doors.ts'
import type { StateStore } from '../clusters/terraform-states.ts'
import { volumeOfRoot } from '../clusters/volume.ts'
import type { Db } from '../db/database.ts'
import { findInKubernetes, ifAllowed, KEPT, namespaceKey, volumeAccounts } from './found-kubernetes.ts'
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
  readonly clusters: { readonly doors: Pick<Doors, 'all' | 'open'> }
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
  kubernetes: (outside) => everywhere(outside, findInKubernetes),
  helm: (outside) => everywhere(outside, findInHelm),
  terraform: findRoots,
}

/** In the site's own cluster and in those beside it, whose things have their cluster's name before their own. */
async function everywhere(outside: Outside, find: (door: Door) => Promise<Found[]>): Promise<Found[]> {
  const found = await find(outside)
  for (const [cluster, door] of await outside.clusters.doors.all())
    found.push(...(await find(door)).map((one) => foundAt(cluster, one)))
  return found
}

function foundAt(cluster: string, one: Found): Found {
  const { within, partOf } = one
  const [system = '', kind = '', ...rest] = (within ?? '').split(' ')
  const inside = within === undefined ? undefined : `${system} ${kind} ${cluster}:${rest.join(' ')}`
  return { ...one, name: thingAt(cluster, one).name, within: inside, partOf }
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

async function findInHelm({ helm }: Door): Promise<Found[]> {
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

async function findRoots(outside: Outside): Promise<Found[]> {
  const roots = await outside.states.filledRoots()
  const ordered = roots.some((root) => volumeOfRoot(root) !== undefined) ? await allVolumes(outside) : new Map()
  const detail = 'its state is in our database'
  return roots.flatMap((name): Found[] => {
    const thing = { system: 'terraform', kind: 'root', name, sure: true } as const
    const volume = volumeOfRoot(name)
    if (volume !== undefined)
      return [{ ...thing, account: ordered.get(volume), holdsData: true, detail: `${detail}; ${KEPT}` }]
    // What is in it goes with it, whoever has that.
    if (name.startsWith('cluster-')) return [{ ...thing, holdsData: true, detail: `${detail}; ${KEPT}` }]
    const pool = /^nodepool-([a-z0-9]+)-/.exec(name)
    return pool === null ? [] : [{ ...thing, account: pool[1], detail }]
  })
}

async function allVolumes({ kubernetes, clusters }: Outside): Promise<ReadonlyMap<string, string | undefined>> {
  const maps = [await volumeAccounts(kubernetes)]
  for (const door of (await clusters.doors.all()).values()) maps.push(await volumeAccounts(door.kubernetes))
  return new Map(maps.flatMap((one) => [...one]))
}
