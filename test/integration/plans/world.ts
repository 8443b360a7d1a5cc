import { MongoClient } from 'mongodb'
import { hashApiKey } from '../../../src/accounts/api-key.ts'
import { findAccount } from '../../../src/accounts/store.ts'
import type { KindRef, Manifest } from '../../../src/adapters/kubernetes/port.ts'
import { createRooms, testSite } from '../../../src/api/testing-rooms.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { KeyRing } from '../../../src/base/key-ring.ts'
import { Status } from '../../../src/base/status.ts'
import { volumeName } from '../../../src/clusters/volume.ts'
import type { Db } from '../../../src/db/database.ts'
import type { RealOutside } from '../../support/real-outside.ts'
import { type Adapters } from '../../support/real-outside.ts'
import { claims, other } from './orders.ts'

/** Kinds of what lies in accounts' namespaces. */
const kinds: readonly KindRef[] = [
  ...['Secret', 'ConfigMap', 'Service', 'ServiceAccount', 'PersistentVolumeClaim', 'ResourceQuota', 'LimitRange'].map(
    (kind) => ({ apiVersion: 'v1', kind }),
  ),
  ...['Deployment', 'StatefulSet', 'DaemonSet'].map((kind) => ({ apiVersion: 'apps/v1', kind })),
  ...['Job', 'CronJob'].map((kind) => ({ apiVersion: 'batch/v1', kind })),
  ...['Role', 'RoleBinding'].map((kind) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind })),
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
]

/** Everything that exists outside, a line for each thing; read without any help of the code under test's own books. */
export async function lookAtWorld(outside: RealOutside, adapters: Adapters): Promise<string[]> {
  const lines = [
    ...(await mongodbLines(outside)),
    ...(await rabbitmqLines(adapters)),
    ...(await adapters.jupyterhub.listUsers()).map(
      ({ name, servers }) => `hub user ${name} ${servers.filter(({ state }) => state !== 'stopped').length}`,
    ),
    ...(await kubernetesLines(adapters)),
    ...(await kubernetesLines(outside.beside)).map((line) => `beside: ${line}`),
    ...(await volumeLines(adapters)),
    ...(await adapters.helm.list()).map(({ namespace, name, status }) => `release ${namespace}/${name} ${status}`),
    ...[...outside.cloud.things].map(([path, thing]) => `${path} ${cloudText({ ...thing, state: 'any' })}`),
  ]
  return lines.toSorted()
}

/** Which node port Kubernetes gave is chance. */
function cloudText(thing: object): string {
  return JSON.stringify(thing, (name, value: unknown) => {
    if (name === 'node') return 'any'
    // A set in Terraform, whose order depends on the node ports, which are any.
    return name === 'links' ? (value as { port: number }[]).toSorted((one, other) => one.port - other.port) : value
  })
}

async function mongodbLines({ mongod: { admin } }: RealOutside): Promise<string[]> {
  const auth = { username: admin.user, password: admin.password }
  const client = new MongoClient(`mongodb://${admin.host}:${admin.port}/?directConnection=true`, { auth })
  try {
    const { users } = await client.db('admin').command({ usersInfo: 1 })
    const { databases } = await client.db('admin').admin().listDatabases()
    const lines = (users as { user: string; roles: object }[]).map((one) => `mongo ${one.user} ${show(one.roles)}`)
    for (const { name } of databases.filter((one) => !['admin', 'config', 'local'].includes(one.name))) {
      const collections = await client.db(name).listCollections({}, { nameOnly: true }).toArray()
      for (const collection of collections)
        lines.push(
          `data ${name}.${collection.name} ${await client.db(name).collection(collection.name).countDocuments()}`,
        )
    }
    return lines
  } finally {
    await client.close()
  }
}

async function rabbitmqLines({ rabbitmq }: Adapters): Promise<string[]> {
  const users = await rabbitmq.listUsers()
  const lines = users.map((user) => `broker user ${user}`)
  for (const vhost of await rabbitmq.listVhosts()) {
    lines.push(`vhost ${vhost}`)
    for (const queue of await rabbitmq.listQueues(vhost)) lines.push(`queue ${vhost} ${queue}`)
    for (const user of users) {
      const rights = await rabbitmq.findPermissions(vhost, user)
      if (rights !== undefined) lines.push(`rights ${vhost} ${user} ${show(rights)}`)
    }
  }
  return lines
}

async function kubernetesLines({ kubernetes }: Pick<Adapters, 'kubernetes'>): Promise<string[]> {
  const namespaces = await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' })
  const lines: string[] = []
  for (const namespace of namespaces.filter(({ metadata }) => metadata.name.startsWith('om-'))) {
    lines.push(`namespace ${namespace.metadata.name} ${show(namespace.metadata.labels)}`)
    for (const kind of kinds) {
      const objects = await kubernetes.list(kind, { namespace: namespace.metadata.name })
      lines.push(...objects.filter(isOurs).map((one) => objectLine(kind, one)))
    }
  }
  return lines
}

/** Without which claim it is bound to by its number: the next one has another. */
async function volumeLines({ kubernetes }: Adapters): Promise<string[]> {
  const volumes = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })
  return volumes.map(({ metadata, spec }) => {
    const { claimRef, ...rest } = spec as { claimRef?: { namespace: string; name: string } }
    return `volume ${metadata.name} ${show(metadata.labels)} ${show(rest)} ${claimRef?.namespace}/${claimRef?.name}`
  })
}

/** Whether every claim has its volume: until then it can't grow. */
export async function areClaimsBound({ kubernetes }: Adapters): Promise<boolean> {
  const claims = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' })
  return claims.every(({ status }) => (status as { phase?: string } | undefined)?.phase === 'Bound')
}

/** Without what Kubernetes puts into every namespace, and Helm's own records: how many there are tells how often it ran. */
function isOurs({ metadata, ...rest }: Manifest): boolean {
  const given = ['kube-root-ca.crt', 'default'].includes(metadata.name)
  return !given && rest['type'] !== 'helm.sh/release.v1'
}

function objectLine({ kind }: KindRef, object: Manifest): string {
  const { metadata, status: _status, data, kind: _kind, apiVersion: _version, ...content } = object
  const texts = Object.entries((data ?? {}) as Record<string, string>).map(([name, text]) => [
    name,
    kind === 'Secret' ? Buffer.from(text, 'base64').toString() : text,
  ])
  // Which address a Service got is chance.
  const told = JSON.stringify(content, (name, value: unknown) => (/^clusterIPs?$/.test(name) ? undefined : value))
  return `${kind} ${metadata.namespace}/${metadata.name} ${show(metadata.labels)} ${told} ${show(texts)}`
}

const show = (value: unknown): string => JSON.stringify(value ?? null)

/** What our own rows say, as far as they must agree with the world: nothing open, nothing held. */
export async function lookAtBooks(db: Db): Promise<object> {
  const deployments = await db
    .selectFrom('deployments')
    .innerJoin('accounts', 'accounts.id', 'deployments.account_id')
    .select(['accounts.name', 'plan', 'instance', 'deployments.status', 'suspended_at', 'message'])
    .where('deployments.status', '!=', Status.removed)
    .orderBy('deployments.id')
    .execute()
  const open = await db.selectFrom('tasks').select(['step', 'state']).where('state', '!=', 'done').execute()
  const states = await db.selectFrom('terraform_states').selectAll().orderBy('root').execute()
  return {
    deployments: deployments.map((one) => ({ ...one, suspended_at: one.suspended_at !== null })),
    open,
    findings: await db.selectFrom('findings').select(['difference', 'system', 'kind', 'name', 'detail']).execute(),
    locks: await db.selectFrom('locks').select('name').execute(),
    terraformLocks: states.filter(({ lock_id }) => lock_id !== null).map(({ root }) => root),
  }
}

/** Names an account's random words by what they are, so that two accounts' worlds can be compared. */
export class Words {
  readonly #known = new Map<string, string>()
  readonly #db: Db
  readonly #keys: KeyRing

  constructor(db: Db, keys: KeyRing) {
    this.#db = db
    this.#keys = keys
  }

  /** Once an account's words are known, they stay known after its removal. */
  async learn(name: string, plan = 'omegaml', symbol = 'somebody'): Promise<void> {
    const { deployments, accounts } = createRooms(this.#db, systemClock, testSite, undefined, this.#keys)
    const account = await findAccount(this.#db, name)
    if (account === undefined) return
    const settings = await deployments.storedSettings(this.#db, account.id, plan)
    if (settings !== undefined) this.#note(settings.qualifiers['default'] ?? {}, `${symbol}.`)
    if (settings?.broker !== undefined) {
      this.#note(settings.broker.shared, `${symbol}.shared.`)
      this.#note(settings.broker.own, `${symbol}.own.`)
    }
    if (plan !== 'omegaml') return
    for (const claim of claims) this.#known.set(volumeName({ account: name, name: claim }), `<volume ${claim}>`)
    const own = await deployments.storedSettings(this.#db, account.id, 'database', 'docs')
    this.#note(own?.qualifiers['default'] ?? {}, 'own.')
    this.#note(own?.admin ?? {}, 'own.admin.')
    const { values } = await deployments.shares.values(account, other, {})
    for (const [kind, access] of Object.entries(values))
      if (typeof access === 'object') this.#note(access as Record<string, unknown>, `share.${kind}.`)
    const apikey = await accounts.apiKeyOf(account)
    this.#known.set(apikey, `<${symbol}.key>`).set(hashApiKey(apikey).slice(0, 12), `<${symbol}.keyId>`)
    this.#known.set(name, `<${symbol}>`)
  }

  #note(values: Readonly<Record<string, unknown>>, prefix: string): void {
    for (const [name, value] of Object.entries(values))
      if (typeof value === 'string' && value.length > 10) this.#known.set(value, `<${prefix}${name}>`)
  }

  apply<T>(value: T): T {
    const longestFirst = [...this.#known].toSorted(([a], [b]) => b.length - a.length)
    const text = longestFirst.reduce((all, [word, symbol]) => all.replaceAll(word, symbol), JSON.stringify(value))
    const result = JSON.parse(text) as T
    return Array.isArray(result) ? ((result as string[]).toSorted() as T) : result
  }
}
