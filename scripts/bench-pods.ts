import { join, resolve } from 'node:path'
import { createHelmCli } from '../src/adapters/helm/cli.ts'
import type { Kubernetes, Manifest } from '../src/adapters/kubernetes/port.ts'
import { siteWith } from '../src/api/testing.ts'
import { systemClock } from '../src/base/clock.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { startService } from '../test/journeys/house.ts'
import { startCluster, type TestCluster } from '../test/support/kube-apiserver.ts'
import { freePort, needProgram } from '../test/support/programs.ts'
import { startServer } from '../test/support/server-process.ts'
import { cpuSeconds } from './bench-cpu.ts'

interface Sizes {
  readonly machines: number
  readonly accounts: number
  /** Of each account. */
  readonly workers: number
}

const full: Sizes = { machines: 500, accounts: 20, workers: 50 }
const project = resolve(import.meta.dirname, '..')

/**
 * A thousand workers on 500 machines that kwok answers for, ordered by twenty accounts at once, beside a bare Deployment of
 * as many pods on the same machines. The API server, its controllers, scheduler and Helm are real; databases and broker are
 * this process's memory. The bare one is measured twice: with pods that say next to nothing, and with the workers' own pods.
 */
export async function measurePods(sizes: Sizes = full): Promise<void> {
  const { machines, accounts, workers } = sizes
  const pods = accounts * workers
  const cluster = await startCluster()
  const simulated = await startMachines(cluster, machines)
  try {
    console.log(`\npods, ${pods} on ${machines} simulated machines`)
    const bare = await measureBare(cluster.kubernetes, pods, plain)
    tell('a bare Deployment', bare)
    const { same, ordered } = await measureOrdered(cluster, sizes)
    tell('one of the same pods', same)
    tell(`ordered by ${accounts} accounts`, ordered)
    console.log(`    ${ordered.there.toFixed(1)} s of it until all Deployments are there`)
    console.log(`  ratio to the bare one       ${ratios(ordered, bare)}`)
    console.log(`  ratio to the same pods      ${ratios(ordered, same)}`)
  } finally {
    await simulated.stop()
    await cluster.stop()
  }
}

/** A scheduler, and kwok with the machines. */
async function startMachines({ kubeconfig, kubernetes, folder }: TestCluster, count: number) {
  const quick = ['--kube-api-qps=500', '--kube-api-burst=1000']
  const serving = [`--secure-port=${await freePort()}`, `--cert-dir=${join(folder, 'scheduler')}`]
  const scheduling = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--bind-address=127.0.0.1']
  const simulating = [`--kubeconfig=${kubeconfig}`, `--config=${join(project, 'src/local/kwok-stages.yaml')}`]
  const only = '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake'
  const servers = [
    startServer(needProgram('kube-scheduler'), [...scheduling, ...serving, ...quick], {
      log: join(folder, 'scheduler.log'),
    }),
    startServer(needProgram('kwok'), [...simulating, only, '--node-lease-duration-seconds=40', '--node-ip=127.0.0.1'], {
      log: join(folder, 'kwok.log'),
    }),
  ]
  for (let number = 0; number < count; number += 1) await kubernetes.apply(machine(`machine-${number}`))
  return { stop: async () => void (await Promise.all(servers.map(async (server) => await server.stop()))) }
}

function machine(name: string): Manifest {
  const size = { cpu: '8', memory: '32Gi', pods: '110' }
  const annotations = { 'kwok.x-k8s.io/node': 'fake' }
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'omegaml.io/role': 'worker' }
  const status = { allocatable: size, capacity: size }
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, annotations, labels }, status }
}

function tell(what: string, { ready, cpu }: Measured): void {
  console.log(`  ${what.padEnd(27)} ${ready.toFixed(1)} s until all are ready, ${cpu.toFixed(1)} s of CPU`)
}

function ratios(one: Measured, other: Measured): string {
  return `${(one.ready / other.ready).toFixed(2)}, ${(one.cpu / other.cpu).toFixed(2)} of CPU`
}

const plain = { containers: [{ name: 'bare', image: 'bare', resources: { requests: { cpu: '1', memory: '2Gi' } } }] }

async function measureBare(kubernetes: Kubernetes, pods: number, podSpec: object): Promise<Measured> {
  const namespace = 'bare'
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const labels = { app: 'bare' }
  const before = await count(kubernetes, ready)
  const since = stopwatch()
  await kubernetes.apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'bare', namespace },
    spec: {
      replicas: pods,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec },
    },
  })
  await until(kubernetes, before + pods, ready)
  const measured = since()
  await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, { timeoutMs: 300_000 })
  return measured
}

interface Measured {
  /** Seconds until all are ready. */
  readonly ready: number
  /** Seconds of a processor, of all programs that took part. */
  readonly cpu: number
}

interface Ordered extends Measured {
  /** Seconds until the last Deployment is there: our part. */
  readonly there: number
}

function stopwatch(): () => Measured {
  const [began, cpu] = [performance.now(), cpuSeconds()]
  return () => ({ ready: (performance.now() - began) / 1_000, cpu: cpuSeconds() - cpu })
}

async function measureOrdered(
  { kubernetes, kubeconfig, folder }: TestCluster,
  sizes: Sizes,
): Promise<{ readonly same: Measured; readonly ordered: Ordered }> {
  const { accounts, workers } = sizes
  const options = { kind: 'sqlite', path: join(folder, 'service.db') } as const
  const [api, engine] = [openDatabase(options), openDatabase(options)]
  await migrate(engine)
  const much = { cpuRequests: '1000', memoryRequests: '4000Gi', cpuLimits: '1000', memoryLimits: '4000Gi', pods: '200' }
  const helm = createHelmCli({ program: needProgram('helm'), folder: join(folder, 'helm'), kubeconfig, kubernetes })
  const service = await startService({ api, engine }, siteWith({ provider: 'local', quota: much }), undefined, {
    real: { kubernetes, helm },
  })
  try {
    const { body } = await service.bootstrap()
    await service.engine.start()
    const admin = service.as('admin', body.admin.apikey as string)
    const names = Array.from({ length: accounts }, (_, index) => `team${index}`)
    const made = await Promise.all(
      [...names, 'like'].map((name) => admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })),
    )
    for (const { body: account } of made) await service.ended(account.command)
    const one = { plan: 'runtime', phase: 'install', params: { label: 'like', size: 0 }, account: 'like' }
    await service.ended((await admin.post('/api/v2/orders', one)).body.id)
    const same = await measureBare(kubernetes, accounts * workers, await podSpecIn(kubernetes, 'om-like'))
    const before = await count(kubernetes, ready)
    const since = stopwatch()
    const order = { plan: 'runtime', phase: 'install', params: { label: 'work', size: workers } }
    const orders = await Promise.all(names.map((account) => admin.post('/api/v2/orders', { ...order, account })))
    const refused = orders.find(({ status }) => status !== 201)
    if (refused !== undefined) throw new Error(`an order was answered with ${JSON.stringify(refused)}`)
    await until(kubernetes, before + accounts * workers, wanted)
    const there = since().ready
    await until(kubernetes, before + accounts * workers, ready)
    const measured = since()
    for (const { body: command } of orders) await service.ended(command.id)
    return { same, ordered: { there, ...measured } }
  } finally {
    await service.close()
    await Promise.all([api.destroy(), engine.destroy()])
  }
}

/** Of the workers there. */
async function podSpecIn(kubernetes: Kubernetes, namespace: string): Promise<object> {
  const [found] = await kubernetes.list({ apiVersion: 'apps/v1', kind: 'Deployment' }, { namespace })
  if (found === undefined) throw new Error(`no Deployment in ${namespace}`)
  return (found['spec'] as { template: { spec: object } }).template.spec
}

const WAIT_MS = 600_000

type Figure = (deployment: Manifest) => number | undefined

const wanted: Figure = (deployment) => (deployment['spec'] as { replicas?: number }).replicas
const ready: Figure = (deployment) => (deployment['status'] as { readyReplicas?: number } | undefined)?.readyReplicas

async function until(kubernetes: Kubernetes, pods: number, figure: Figure): Promise<void> {
  const deadline = Date.now() + WAIT_MS
  for (let seen = 0; seen < pods; seen = await count(kubernetes, figure)) {
    if (Date.now() > deadline) throw new Error(`${seen} of ${pods} pods after ${WAIT_MS / 1_000} s`)
    await systemClock.sleep(500)
  }
}

/** By what the Deployments say: to list a thousand pods again and again would be a load of its own. */
async function count(kubernetes: Kubernetes, figure: Figure): Promise<number> {
  const all = await kubernetes.list({ apiVersion: 'apps/v1', kind: 'Deployment' })
  return all.reduce((sum, one) => sum + (figure(one) ?? 0), 0)
}
