import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { clusterParts } from '../../src/actions/cluster.ts'
import type { nodepool } from '../../src/actions/nodepool.ts'
import type { ServiceParts } from '../../src/actions/service-actions.ts'
import { createHelmCli } from '../../src/adapters/helm/cli.ts'
import { createJupyterhub } from '../../src/adapters/jupyterhub/http.ts'
import { createKubernetes } from '../../src/adapters/kubernetes/api.ts'
import type { Kubernetes, Manifest } from '../../src/adapters/kubernetes/port.ts'
import { createMongodb } from '../../src/adapters/mongodb/driver.ts'
import { createNetwork } from '../../src/adapters/network/sockets.ts'
import { createRabbitmq } from '../../src/adapters/rabbitmq/http.ts'
import { createScripts } from '../../src/adapters/scripts/folder.ts'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { createRooms, siteWith, testPlans } from '../../src/api/testing-rooms.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { type KeyRing, parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { accountActions } from '../../src/books/books-actions.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import { StateBackend } from '../../src/clusters/state-backend.ts'
import { createStateStore } from '../../src/clusters/terraform-states.ts'
import { type DatabaseOptions, type Db, openDatabase } from '../../src/db/database.ts'
import { createLifecycle } from '../../src/deployments/lifecycle.ts'
import type { SiteFacts } from '../../src/deployments/site-facts.ts'
import type { EngineDeps } from '../../src/engine/deps.ts'
import { lockHolder } from '../../src/engine/locks.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { writeMirror } from '../../src/tools/mirror.ts'
import { type FakeLocalCloud, startFakeLocalCloud } from './fake-local-cloud.ts'
import { startJupyterhub, type TestHub } from './jupyterhub.ts'
import { startCluster, type TestCluster } from './kube-apiserver.ts'
import { startMariadb, type TestMariadb } from './mariadb.ts'
import { startMongod, type TestMongod } from './mongod.ts'
import { needProgram } from './programs.ts'
import { startRabbitmq, type TestRabbitmq } from './rabbitmq.ts'

const project = resolve(import.meta.dirname, '../..')

/** How an engine reaches the outside; plain data, so that it can be handed to another process. */
export interface Access {
  readonly database: DatabaseOptions
  /** Key ring of settings and outputs, as text. */
  readonly keys: string
  readonly kubeconfig: string
  /** Of what stands for every cluster beside the site's own. */
  readonly beside: string
  readonly mongodb: TestMongod['admin']
  /** What stands for every account's own database server. */
  readonly ownMongodb: TestMongod['admin']
  readonly rabbitmq: TestRabbitmq['admin']
  readonly jupyterhub: TestHub['access']
  readonly cloud: string
  readonly programs: { readonly helm: string; readonly tofu: string }
  readonly mirror: string
  /** For files of engines. */
  readonly folder: string
}

export interface RealOutside {
  readonly cluster: TestCluster
  readonly beside: TestCluster
  readonly mongod: TestMongod
  readonly ownMongod: TestMongod
  readonly rabbitmq: TestRabbitmq
  readonly hub: TestHub
  readonly mariadb: TestMariadb
  readonly cloud: FakeLocalCloud
  /** With an empty database. */
  access(): Promise<Access>
  stop(): Promise<void>
}

/**
 * Everything that accounts' plans reach, on loopback: Kubernetes (no nodes), MongoDB, RabbitMQ, JupyterHub, MariaDB, and
 * Helm, OpenTofu and its provider against a local cloud that only keeps what it is told.
 */
export async function startRealOutside(): Promise<RealOutside> {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const one of stops.toReversed()) await one()
  }
  const started = async <One extends { stop(): Promise<void> }>(starting: Promise<One>): Promise<One> => {
    const one = await starting
    stops.push(async () => await one.stop())
    return one
  }
  try {
    const folder = await mkdtemp(join(tmpdir(), 'cloudmgr-outside-'))
    stops.push(async () => await rm(folder, { recursive: true, force: true }))
    const begun = [
      startCluster(),
      startCluster(),
      startMongod(),
      startMongod(),
      startRabbitmq(),
      startJupyterhub(),
      startMariadb(),
    ] as const
    // All of them, also when one fails: each must be stopped.
    await Promise.allSettled(begun.map(async (one) => await started<{ stop(): Promise<void> }>(one)))
    const [cluster, beside, mongod, ownMongod, rabbitmq, hub, mariadb] = await Promise.all(begun)
    // The other one gets its class from whoever orders it.
    await cluster.kubernetes.apply(orderedClass)
    for (const object of sharedByClusters) await cluster.kubernetes.apply(object)
    const localCloud = await startFakeLocalCloud(join(folder, 'cloud.sock'), await readFile(beside.kubeconfig, 'utf8'))
    stops.push(async () => await localCloud.close())
    const { paths } = await ensureTools(['tofu', 'terraform-provider-localcloud'])
    const mirror = (await writeMirror(join(folder, 'mirror'), paths['terraform-provider-localcloud'])).folder
    const programs = { helm: needProgram('helm'), tofu: paths.tofu }
    const servers = { mongodb: mongod.admin, ownMongodb: ownMongod.admin, rabbitmq: rabbitmq.admin }
    const fixed = { kubeconfig: cluster.kubeconfig, beside: beside.kubeconfig, ...servers, programs, mirror }
    const access = async (): Promise<Access> => ({
      ...fixed,
      jupyterhub: hub.access,
      cloud: localCloud.endpoint,
      folder,
      database: await mariadb.fresh(),
      keys: `k1:${randomBytes(32).toString('base64')}`,
    })
    return { cluster, beside, mongod, ownMongod, rabbitmq, hub, mariadb, cloud: localCloud, access, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

export type Adapters = Pick<ServiceParts, 'mongodb' | 'rabbitmq' | 'jupyterhub' | 'kubernetes' | 'helm'> & {
  readonly terraform: Parameters<typeof nodepool>[0]['terraform']
  /** What stands for every account's own database server. */
  readonly ownMongodb: ServiceParts['mongodb']
}

/** The real ones; without nodes no workload ever gets ready, so that one which exists counts as ready. */
export async function adaptersOf(access: Access): Promise<Adapters> {
  const kubernetes = withoutNodes(createKubernetes({ kubeconfigFile: access.kubeconfig }))
  const own = await mkdtemp(join(access.folder, 'engine-'))
  const { helm, tofu } = access.programs
  return {
    kubernetes,
    mongodb: createMongodb(access.mongodb),
    ownMongodb: createMongodb(access.ownMongodb),
    rabbitmq: createRabbitmq(access.rabbitmq),
    jupyterhub: createJupyterhub(access.jupyterhub),
    helm: createHelmCli({ program: helm, folder: join(own, 'helm'), kubeconfig: access.kubeconfig, kubernetes }),
    terraform: createTerraformCli({ program: tofu, folder: join(own, 'cli'), mirror: access.mirror }),
  }
}

function withoutNodes(cluster: Kubernetes): Kubernetes {
  return {
    ...cluster,
    readiness: async (ref) =>
      (await cluster.find(ref)) === undefined
        ? { state: 'waiting', reason: 'it does not exist yet' }
        : { state: 'ready', reason: 'there are no nodes' },
  }
}

/** Every cluster beside the site's own is the same one, whatever its kubeconfig says. */
async function enterBeside(access: Access) {
  const own = await mkdtemp(join(access.folder, 'beside-'))
  const kubernetes = withoutNodes(createKubernetes({ kubeconfigFile: access.beside }))
  const program = access.programs.helm
  const helm = createHelmCli({ program, folder: join(own, 'helm'), kubeconfig: access.beside, kubernetes })
  return () => ({ kubernetes, helm })
}

/** The site as its facts tell it; the engine itself reaches the site's database there. */
export function siteOf({ mongodb: { host, port } }: Access): SiteFacts {
  const mongo = { publicHost: 'mongo.omega.localhost:27018', internalHost: `${host}:${port}` }
  return siteWith({ provider: 'local', mongo })
}

const cloud = loadProvider(join(project, 'catalog/providers'), 'local')

/** As the chart omegaml-storage has it: claims of ordered volumes may grow. */
const orderedClass: Manifest = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: cloud.volumes?.class ?? '' },
  provisioner: 'kubernetes.io/no-provisioner',
  allowVolumeExpansion: true,
}

const services = 'omegaml-services'

/** As chart omegaml-system has them, for clusters beside the site's own. */
const sharedByClusters: Manifest[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: services } },
  ...Object.entries({ mongodb: 27017, rabbitmq: 5672, omegaweb: 8080 }).map(([name, port]) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: services },
    spec: { selector: { 'app.kubernetes.io/component': name }, ports: [{ port, targetPort: port }] },
  })),
]

export interface RealEngineParts {
  /** What an engine is made of, wired as the service wires its own. */
  readonly deps: EngineDeps
  readonly db: Db
  readonly keys: KeyRing
  close(): Promise<void>
}

/** An engine's parts on the real outside, with an empty folder of its own as after the loss of its pod. */
export async function enginePartsOf(
  access: Access,
  given: { readonly adapters?: Adapters; readonly clock?: Clock } = {},
): Promise<RealEngineParts> {
  const clock = given.clock ?? systemClock
  const adapters = given.adapters ?? (await adaptersOf(access))
  const db = openDatabase(access.database)
  const keys = parseKeyRing(access.keys, 'the test')
  const store = createStateStore(db, keys, () => clock.now())
  const states = new StateBackend({ states: store, log: silentLog })
  await states.start()
  const { terraform, ownMongodb, ...outside } = adapters
  const rooms = createRooms(db, clock, siteOf(access), undefined, keys)
  const lifecycle = createLifecycle({ ...rooms, plans: testPlans })
  const unseal = (text: string): string => keys.open(text, 'step outputs')
  const rows = { db, plans: testPlans, context: lifecycle.context, unseal }
  const parts = {
    ...outside,
    network: createNetwork(),
    scripts: createScripts(join(project, 'catalog/scripts')),
    clock,
    manifests: join(project, 'catalog/manifests'),
    charts: join(project, 'charts'),
    openMongodb: () => ownMongodb,
    clusters: clusterParts({ db, keys: { engine: keys, settings: keys }, enter: await enterBeside(access) }),
    roots: {
      terraform,
      states,
      provider: {
        provider: cloud,
        site: { cluster: 'omega', endpoint: access.cloud, ca: '' },
        env: {},
      },
      folder: await mkdtemp(join(access.folder, 'roots-')),
      modules: join(project, 'terraform'),
    },
  }
  const deps: EngineDeps = {
    ...lifecycle,
    db,
    actions: accountActions(parts, { ...rows, states: store, holding: lockHolder(db, clock) }),
    plans: testPlans,
    clock,
    log: silentLog,
    seal: (text) => keys.seal(text, 'step outputs'),
    unseal,
  }
  const close = async (): Promise<void> => {
    await states.stop()
    await db.destroy()
  }
  return { deps, db, keys, close }
}
