import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Accounts } from '../accounts/accounts.ts'
import { Jwts } from '../accounts/jwt.ts'
import { Memberships } from '../accounts/memberships.ts'
import { findAccount } from '../accounts/store.ts'
import { sweep } from '../accounts/sweep.ts'
import { clusterParts } from '../actions/cluster.ts'
import type { EngineRoots } from '../actions/engine-root.ts'
import type { ServiceParts } from '../actions/service-actions.ts'
import { createAmqp } from '../adapters/amqp/driver.ts'
import type { Amqp } from '../adapters/amqp/port.ts'
import { createHelmCli } from '../adapters/helm/cli.ts'
import { createJupyterhub } from '../adapters/jupyterhub/http.ts'
import { createNoJupyterhub } from '../adapters/jupyterhub/none.ts'
import type { Jupyterhub } from '../adapters/jupyterhub/port.ts'
import { createJwks } from '../adapters/jwks/http.ts'
import { createKubelets } from '../adapters/kubelet/https.ts'
import { createKubernetes } from '../adapters/kubernetes/api.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { createSmtp } from '../adapters/mail/smtp.ts'
import { createMongodb, createMongoSizes, type MongodbOptions } from '../adapters/mongodb/driver.ts'
import { createNetwork } from '../adapters/network/sockets.ts'
import { createRabbitmq, createRabbitmqMonitor } from '../adapters/rabbitmq/http.ts'
import type { Rabbitmq } from '../adapters/rabbitmq/port.ts'
import { createScripts } from '../adapters/scripts/folder.ts'
import { createOpenidIssuer } from '../adapters/openid/client.ts'
import { createTerraformCli } from '../adapters/terraform/cli.ts'
import { createServer } from '../api/server.ts'
import { WAKE_PURPOSE } from '../api/wake-route.ts'
import { accountActionNames, accountActions } from '../books/books-actions.ts'
import { systemClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { type KeyRing, parseKeyRing } from '../base/key-ring.ts'
import { createLog, type Log } from '../base/log.ts'
import { proofFor } from '../base/proof.ts'
import { type Repeating, repeat } from '../base/repeat.ts'
import { loadPlans } from '../catalog/load.ts'
import type { Plans } from '../catalog/plan.ts'
import { openAccess } from '../clusters/cluster-rows.ts'
import { type Door, entered } from '../clusters/doors.ts'
import { renewAdmins } from '../clusters/hcloud-cluster.ts'
import { StateBackend } from '../clusters/state-backend.ts'
import { createStateStore } from '../clusters/terraform-states.ts'
import { openDatabase } from '../db/database.ts'
import { Deployments } from '../deployments/deployments.ts'
import { createLifecycle } from '../deployments/lifecycle.ts'
import type { SiteFacts } from '../deployments/site-facts.ts'
import { Engine } from '../engine/engine.ts'
import { lockHolder } from '../engine/locks.ts'
import { Outbox } from '../mails/outbox.ts'
import { MailSender } from '../mails/sender.ts'
import { sweepMails } from '../mails/store.ts'
import { LOOK_MS, Scaler, type ScalerParts } from '../runtimes/scaler.ts'
import { REPAIR_EVERY_MS, repairBroker } from '../schedules/broker-repair.ts'
import { runScheduledNotebooks } from '../schedules/notebooks.ts'
import { createDisks, type LookAtDisks } from '../status/disks.ts'
import { keepSampling } from '../status/sampler.ts'
import { keepToken } from '../status/stats-token.ts'
import { AccountStatus, type StatusParts } from '../status/status.ts'
import { writeMirror } from '../tools/mirror.ts'
import { findOnPath } from '../tools/process.ts'
import { every } from './every.ts'
import { databaseOf, oidcClientsOf, poolProviderOf, portOf, required, siteOf, tlsServersOf } from './service-env.ts'
import { followWakes } from './wake-stream.ts'

const project = resolve(import.meta.dirname, '../..')
const env = process.env
const clock = systemClock
/** How often the last use of API keys is written. */
const WRITE_USE_MS = 60_000
const SWEEP_MS = 3_600_000
const DAY_MS = 86_400_000
/** A pod is told to end before the last node knows that it takes no more requests. */
const LEAVING_MS = 3_000
const MAILS_KEPT_MS = 90 * DAY_MS

/** What API and engine share: rows, keys, accounts and their deployments. */
export type House = ReturnType<typeof openHouse>

/** A part of the service that works until it is stopped. */
export interface Running {
  stop(): Promise<void>
}

/** The outside as the engine reaches it. */
export type EngineOutside = Omit<ServiceParts, 'clock' | 'manifests' | 'charts' | 'roots' | 'clusters'> & {
  readonly amqp: Amqp
}

export function openHouse(engineKeys?: KeyRing) {
  const db = openDatabase(databaseOf(env))
  const ring = required(env, 'CLOUDMGR_SETTINGS_KEYS', 'key ring of the accounts’ settings')
  const keys = parseKeyRing(ring, 'CLOUDMGR_SETTINGS_KEYS')
  const site = siteOf(env)
  const accounts = new Accounts({ db, keys, clock })
  const deployments = new Deployments({ db, keys, engineKeys, site, clock })
  const outbox = new Outbox({ keys, clock, delivers: site.mail.smtp !== undefined })
  const jwts = new Jwts({ db, keys, clock, jwks: createJwks(), issuer: site.publicUrl, foreign: site.issuers })
  const memberships = new Memberships({ db, clock })
  return { db, keys, site, accounts, deployments, outbox, jwts, memberships }
}

/** Another issuer as a way in, where the site has one. */
function openidOf({ site, keys }: House) {
  if (site.openid === undefined) return undefined
  const clientSecret = required(env, 'CLOUDMGR_OPENID_SECRET', 'secret of the client that site.openid names')
  return { issuer: createOpenidIssuer({ ...site.openid, clientSecret }, () => clock.now()), keys }
}

/** The API: public and internal listener. Ends after SIGTERM, when running requests are answered. */
export async function serveApi(): Promise<number> {
  const house = openHouse()
  const api = await startApi(house, statusSources(house.site), createLog('api'))
  await terminated()
  if (isInCluster()) await clock.sleep(LEAVING_MS)
  await api.stop()
  await house.db.destroy()
  return 0
}

export async function startApi(house: House, sources: StatusSources, log: Log): Promise<Running> {
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string }
  const others = entered(
    () => openAccess(house.db, house.keys, 'observer'),
    (_, kubeconfig) => createKubernetes({ kubeconfig }),
  )
  const status = new AccountStatus({ ...house, clock, others, ...sources })
  const bootstrapKey = env['CLOUDMGR_BOOTSTRAP_KEY']
  const oidcClients = oidcClientsOf(env, house.site)
  const pages = env['CLOUDMGR_PAGES'] ?? join(project, 'web/dist')
  const openid = openidOf(house)
  const deps = {
    ...house,
    oidcClients,
    openid,
    status,
    plans: accountPlans(house.site),
    clock,
    log,
    bootstrapKey,
    version,
    pages,
  }
  const host = env['CLOUDMGR_LISTEN'] ?? '0.0.0.0'
  const open = await createServer(deps, 'public')
  const inside = await createServer(deps, 'internal')
  await open.listen({ host, port: portOf(env, 'CLOUDMGR_PUBLIC_PORT', 8000) })
  await inside.listen({ host, port: portOf(env, 'CLOUDMGR_INTERNAL_PORT', 8080) })
  log.info('serving', { version })
  const writing = every(WRITE_USE_MS, log, async () => await house.accounts.writeLastUse())
  return {
    stop: async () => {
      await Promise.all([open.close(), inside.close()])
      await writing.stop()
    },
  }
}

const isInCluster = (): boolean => env['KUBERNETES_SERVICE_HOST'] !== undefined

type StatusSources = Pick<StatusParts, 'kubernetes' | 'broker' | 'databases'>

/** What the API may look at; outside a cluster, or without an observer at the broker, it says that it can't. */
function statusSources(site: SiteFacts): StatusSources {
  const password = env['CLOUDMGR_RABBITMQ_OBSERVER_PASSWORD']
  const url = env['CLOUDMGR_RABBITMQ_URL']
  const user = env['CLOUDMGR_RABBITMQ_OBSERVER'] ?? 'omegaweb'
  return {
    kubernetes: isInCluster() ? createKubernetes({ inCluster: true }) : undefined,
    broker: url && password ? createRabbitmqMonitor({ url, user, password }) : undefined,
    databases: createMongoSizes({ tlsServers: tlsServersOf(env, site) }),
  }
}

/** The engine on the service's commands. SIGTERM hands running tasks to the next one. */
export async function serveEngine(): Promise<number> {
  const keys = engineKeyRing()
  const house = openHouse(keys)
  const engine = await startEngine(house, keys, outsideOfTheCluster(house.site), createLog('engine'))
  await terminated()
  await engine.stop()
  await house.db.destroy()
  return 0
}

export function engineKeyRing(): KeyRing {
  return parseKeyRing(required(env, 'CLOUDMGR_ENGINE_KEYS', 'key ring of the engine'), 'CLOUDMGR_ENGINE_KEYS')
}

export async function startEngine(house: House, keys: KeyRing, outside: EngineOutside, log: Log): Promise<Running> {
  const { kubernetes, rabbitmq } = outside
  const store = createStateStore(house.db, keys, () => clock.now())
  const states = new StateBackend({ states: store, log })
  await states.start()
  const plans = accountPlans(house.site)
  const lifecycle = createLifecycle({ ...house, plans })
  const unseal = (text: string): string => keys.open(text, 'step outputs')
  const { db } = house
  const clusters = clusterParts({ db, keys: { engine: keys, settings: house.keys }, enter: enterCluster })
  const books = { db, plans, context: lifecycle.context, unseal, states: store, holding: lockHolder(db, clock) }
  const engine = new Engine({
    ...lifecycle,
    db,
    actions: accountActions(
      { ...outside, ...parts, roots: await engineRoots(states), clusters, storageClass: house.site.storageClass },
      books,
    ),
    plans,
    clock,
    log,
    seal: (text) => keys.seal(text, 'step outputs'),
    unseal,
  })
  const resealed = await house.deployments.sealAdmins()
  if (resealed > 0) log.info('administrators of own databases sealed by the engine’s keys', { databases: resealed })
  await engine.start()
  const stopping = new AbortController()
  const sender = mailSender(house, log)
  sender?.start()
  const sweeping = every(SWEEP_MS, log, async () => {
    await sweep(house.db, clock.now())
    await sweepMails(house.db, clock.now() - MAILS_KEPT_MS)
  })
  const looking = { clock, log, signal: stopping.signal }
  const others = async () => kubernetesOf(await clusters.doors.all())
  const scaler = runtimeScaler(house, { kubernetes, others }, rabbitmq, log)
  const renewing = async () => {
    const renewed = await renewAdmins(db, clusters.keys, clock.now())
    if (renewed.length > 0) log.info('access to clusters renewed', { clusters: renewed.join(', ') })
  }
  const beats = [
    repeat({ what: 'scaling runtimes', everyMs: LOOK_MS, work: () => scaler.look() }, looking),
    repeat({ what: 'renewing access to clusters', everyMs: DAY_MS, work: renewing }, looking),
    ...schedules(house, outside, log).map((one) => repeat(one, looking)),
  ]
  const wake = () => {
    engine.wake()
    sender?.wake()
  }
  const wakes = env['CLOUDMGR_WAKE_URL']
  const proof = () => proofFor(house.keys, WAKE_PURPOSE, clock.now())
  const following = wakes === undefined ? undefined : followWakes(wakes, wake, { ...looking, proof })
  const disks = disksOfNodes(kubernetes, log)
  const sampling = keepSampling({ db: house.db, kubernetes, others, clock, log, disks, signal: stopping.signal })
  log.info('working', { plans: plans.size })
  return {
    stop: async () => {
      stopping.abort()
      await Promise.all([engine.stop(), following, sampling, sender?.stop(), sweeping.stop(), ...beats])
      // After the engine: a run that is stopped writes its state.
      await states.stop()
    },
  }
}

/** The authority that signs kubelets' certificates where the cluster does it, as local clouds, k3s and RKE2 do. */
const CLUSTER_CA = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'

/** Asks kubelets as a service account that may do nothing else: a node must not get hold of the engine's own token. */
function disksOfNodes(kubernetes: Kubernetes, log: Log): LookAtDisks | undefined {
  const [namespace = '', name = ''] = (env['CLOUDMGR_NODE_STATS_ACCOUNT'] ?? '').split('/')
  if (name === '') return undefined
  const token = keepToken(kubernetes, { namespace, name }, clock)
  const kubelets = createKubelets({ token, ca: () => readFileSync(CLUSTER_CA, 'utf8') })
  return createDisks({ kubernetes, kubelets, log })
}

/** What every engine finds beside the sources. */
const parts = { clock, manifests: join(project, 'catalog/manifests'), charts: join(project, 'charts') }

/** Sends the site's mails, where it has a mail server. */
function mailSender({ db, site, outbox }: House, log: Log): MailSender | undefined {
  const { smtp, from = `${site.title} <hub@${site.domain}>` } = site.mail
  if (smtp === undefined) return undefined
  const meaning = 'password of the user of the site’s mail server'
  const password = smtp.user === undefined ? undefined : required(env, 'CLOUDMGR_SMTP_PASSWORD', meaning)
  const server = createSmtp({ ...smtp, password, from })
  return new MailSender({ db, outbox, server, clock, log, domain: site.domain })
}

/** How often is looked whose notebooks are due. */
const DUE_MS = 30_000

function schedules(house: House, { amqp, rabbitmq: broker }: EngineOutside, log: Log): Repeating[] {
  const notebooks = { ...house, amqp, clock, log }
  return [
    { what: 'starting scheduled notebooks', everyMs: DUE_MS, work: () => runScheduledNotebooks(notebooks) },
    { what: 'broker repair', everyMs: REPAIR_EVERY_MS, work: () => repairBroker({ ...house, broker, clock, log }) },
  ]
}

/** Puts own runtimes to sleep and wakes them. */
function runtimeScaler(
  { db, deployments }: House,
  clusters: Pick<ScalerParts, 'kubernetes' | 'others'>,
  broker: Rabbitmq,
  log: Log,
): Scaler {
  const vhostOf = async (account: string) => {
    const found = await findAccount(db, account)
    const settings = found === undefined ? undefined : await deployments.storedSettings(db, found.id, 'omegaml')
    return settings?.broker?.own.vhost
  }
  return new Scaler({ ...clusters, broker, vhostOf, clock, log })
}

function brokerAdmin(): Rabbitmq {
  return createRabbitmq({
    url: required(env, 'CLOUDMGR_RABBITMQ_URL', 'management URL of RabbitMQ'),
    user: required(env, 'CLOUDMGR_RABBITMQ_USER', 'administrator of RabbitMQ'),
    password: required(env, 'CLOUDMGR_RABBITMQ_PASSWORD', 'password of CLOUDMGR_RABBITMQ_USER'),
  })
}

function outsideOfTheCluster(site: SiteFacts): EngineOutside {
  const kubernetes = createKubernetes({ inCluster: true })
  const mongoHost = required(env, 'CLOUDMGR_MONGODB_HOST', 'host:port of MongoDB')
  const [host = '', port = '27017'] = mongoHost.split(':')
  const tlsServers = tlsServersOf(env, site)
  const mongodb = createMongodb({
    tlsServers,
    host,
    port: Number(port),
    user: required(env, 'CLOUDMGR_MONGODB_USER', 'administrator of MongoDB'),
    password: required(env, 'CLOUDMGR_MONGODB_PASSWORD', 'password of CLOUDMGR_MONGODB_USER'),
  })
  return {
    mongodb,
    openMongodb: (server: MongodbOptions) => createMongodb({ ...server, tlsServers }),
    rabbitmq: brokerAdmin(),
    jupyterhub: hub(),
    kubernetes,
    // Found by the path of the image; its caches and values files lie in the pod's own memory of files.
    helm: createHelmCli({ program: 'helm', folder: join(tmpdir(), 'helm'), kubernetes }),
    network: createNetwork(),
    scripts: createScripts(join(project, 'catalog/scripts')),
    amqp: createAmqp(),
  }
}

/** A cluster beside the site's own. Helm takes a kubeconfig from a file: it lies in the pod's own memory of files. */
function enterCluster(name: string, kubeconfig: string): Door {
  const folder = join(tmpdir(), 'clusters', name)
  const file = join(folder, 'kubeconfig')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(file, kubeconfig, { mode: 0o600 })
  const kubernetes = createKubernetes({ kubeconfig })
  return {
    kubernetes,
    helm: createHelmCli({ program: 'helm', folder: join(folder, 'helm'), kubeconfig: file, kubernetes }),
  }
}

function kubernetesOf(doors: ReadonlyMap<string, Door>): ReadonlyMap<string, Kubernetes> {
  return new Map([...doors].map(([name, { kubernetes }]) => [name, kubernetes]))
}

function hub(): Jupyterhub {
  const url = env['CLOUDMGR_JUPYTERHUB_URL']
  if (url === undefined || url === '') return createNoJupyterhub()
  return createJupyterhub({ url, token: required(env, 'CLOUDMGR_JUPYTERHUB_TOKEN', 'service token of the hub API') })
}

function accountPlans(site: SiteFacts): Plans {
  return loadPlans(join(project, 'catalog/plans'), accountActionNames, 'account', site)
}

/** Programs and modules are the image's; roots and providers' copies lie in a folder that may be lost. */
async function engineRoots(states: StateBackend): Promise<EngineRoots> {
  const folder = join(tmpdir(), 'terraform')
  const mirror = join(folder, 'mirror')
  const provider = poolProviderOf(env, join(project, 'catalog/providers'))
  // Others come from their registry.
  if (provider?.provider.provider === 'local') await writeMirror(mirror, await providerProgram())
  const terraform = createTerraformCli({ program: 'tofu', folder: join(folder, 'cli'), mirror })
  return { terraform, states, provider, folder: join(folder, 'roots'), modules: join(project, 'terraform') }
}

async function providerProgram(): Promise<string> {
  const name = 'terraform-provider-localcloud'
  const found = await findOnPath(name, env['PATH'] ?? '')
  if (found !== undefined) return found
  throw new AppError('unavailable', 'program-missing', `${name} is not on PATH: the image of cloudmgr brings it`)
}

export async function terminated(): Promise<void> {
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
}
