import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import type { TestSite } from './cli.ts'
import { call, eventually } from './local-cloud-client.ts'

const localCloud = resolve(import.meta.dirname, '../../src/local/main.ts')

/** Runs kubectl as the site's admin; returns what it printed. */
export async function kubectl(site: TestSite, ...words: string[]): Promise<string> {
  const program = join(process.env['CLOUDMGR_TOOLS_BIN'] ?? '', 'kubectl')
  const { stdout } = await execa(program, ['--kubeconfig', join(site.state, 'kubeconfig'), ...words])
  return stdout
}

/** Upgrades a release of the services with these values changed, and waits until it serves. */
export async function upgrade(site: TestSite, chart: string, ...values: string[]): Promise<void> {
  const program = join(process.env['CLOUDMGR_TOOLS_BIN'] ?? '', 'helm')
  const sets = values.flatMap((value) => ['--set', value])
  const words = [
    'upgrade',
    chart,
    resolve(import.meta.dirname, '../../charts', chart),
    '--namespace',
    'omegaml-services',
  ]
  const options = ['--kubeconfig', join(site.state, 'kubeconfig'), '--reuse-values', '--wait', '--timeout', '5m']
  await execa(program, [...words, ...options, ...sets])
}

export interface Pod {
  readonly namespace: string
  readonly name: string
  readonly ip: string
}

/** The notebook server's pod of an account's namespace. */
export async function podIn(site: TestSite, namespace: string): Promise<Pod> {
  const selector = ['-l', 'component=singleuser-server', '--field-selector', 'status.phase=Running']
  const path = 'jsonpath={.items[0].metadata.name} {.items[0].status.podIP}'
  const [name = '', ip = ''] = (await kubectl(site, 'get', 'pods', '-n', namespace, ...selector, '-o', path)).split(' ')
  return { namespace, name, ip }
}

/** Whether a TCP connection from the pod to the address opens within three seconds. */
export async function reaches(site: TestSite, pod: Pod, host: string, port: number): Promise<boolean> {
  const program = [
    'import socket, sys',
    'try:',
    '  socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close(); print("open")',
    'except OSError as error:',
    '  print("closed", error)',
  ].join('\n')
  const words = ['exec', '-n', pod.namespace, pod.name, '--', 'python3', '-c', program, host, String(port)]
  return (await kubectl(site, ...words)) === 'open'
}

/** What the local cloud's clusters have on this host, a line for each thing. */
export async function leftoversOf(site: TestSite): Promise<string> {
  const words = [localCloud, 'leftovers', '--state', join(site.state, 'cloud')]
  return (await execa(process.execPath, words)).stdout
}

const socketOf = (site: TestSite): string => join(site.state, 'cloud/api.sock')

export type Places = Readonly<Record<string, readonly [host: string, port: number]>>

/** What is no business of an account's pods: the site's own, and what belongs to the provider. */
export async function closedPlaces(site: TestSite): Promise<Places> {
  const path = `/v1/clusters/${site.name}`
  const { body } = await call<{ apiServer: string; gateway: { url: string }; registry: { pull: string } }>(
    socketOf(site),
    'GET',
    path,
  )
  const machine = await call<{ address: string }>(socketOf(site), 'GET', `${path}/machines/node-1`)
  const at = (url: string): [string, number] => [new URL(url).hostname, Number(new URL(url).port)]
  const services = 'omegaml-services.svc.cluster.local'
  return {
    'the API server': ['kubernetes.default.svc.cluster.local', 443],
    'the metadata address': ['169.254.169.254', 80],
    'the SQL database': [`mysql.${services}`, 3306],
    'the broker’s management': [`rabbitmq.${services}`, 15_672],
    'the API server by its address': at(body.apiServer),
    'the provider’s API': at(body.gateway.url),
    'the registry': at(`http://${body.registry.pull}`),
    'the kubelet': [machine.body.address, 10_250],
  }
}

/** Takes a machine away behind Terraform's back, as a cloud loses one. */
export async function loseMachine(site: TestSite, name: string): Promise<void> {
  const path = `/v1/clusters/${site.name}/machines/${name}`
  await call(socketOf(site), 'DELETE', path)
  await eventually(
    () => call(socketOf(site), 'GET', path),
    ({ status }) => status === 404,
    120_000,
  )
}

/** Every process of the site: the local cloud's, the machines' and their pods'. */
async function processes(site: TestSite): Promise<number[]> {
  const words = [localCloud, 'leftovers', '--json', '--state', join(site.state, 'cloud')]
  const { stdout } = await execa(process.execPath, words)
  return (JSON.parse(stdout) as { processes: number[] }).processes
}

/** What a power cut leaves: nothing that runs. */
export async function killEverything(site: TestSite): Promise<void> {
  await eventually(
    async () => {
      const alive = await processes(site)
      for (const pid of alive) kill(pid)
      return alive.length
    },
    (count) => count === 0,
  )
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

/** Memory of all processes of the site; what several share is counted once. */
export async function memoryGb(site: TestSite): Promise<number> {
  const kb = (await processes(site)).map((pid) => {
    try {
      return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
    } catch {
      // It ended meanwhile.
      return 0
    }
  })
  return kb.reduce((sum, each) => sum + each, 0) / 1024 / 1024
}
