import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { cacheFolder } from '../../src/tools/ensure.ts'
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

/** Gives the image that an object's pods run another tag in the site's registry, as a new version would have. */
export async function tagImage(site: TestSite, workload: string, tag: string): Promise<void> {
  const path = 'jsonpath={.spec.template.spec.containers[0].image}'
  const image = await kubectl(site, 'get', workload, '-n', 'omegaml-services', '-o', path)
  const [, name = '', digest = ''] = /^[^/]+\/(.+)@(sha256:\w+)$/.exec(image) ?? []
  const { body } = await call<{ registry: { push: string } }>(socketOf(site), 'GET', `/v1/clusters/${site.name}`)
  const manifests = `http://${body.registry.push}/v2/${name}/manifests`
  const types = ['vnd.oci.image.manifest.v1', 'vnd.docker.distribution.manifest.v2'].map(
    (one) => `application/${one}+json`,
  )
  const found = await fetch(`${manifests}/${digest}`, { headers: { accept: types.join(', ') } })
  const headers = { 'content-type': found.headers.get('content-type') ?? '' }
  const put = await fetch(`${manifests}/${tag}`, { method: 'PUT', headers, body: await found.text() })
  if (!put.ok) throw new Error(`tagging ${image}: ${put.status} ${await put.text()}`)
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

/** Whether the machine began with the images' layers instead of fetching them: as links, where the cache lies on its disk. */
export function isPrepared(site: TestSite): boolean {
  const machines = join(site.state, 'cloud/machines')
  if (statSync(machines).dev !== statSync(cacheFolder()).dev) return true
  const [machine = ''] = readdirSync(machines)
  const blobs = join(machines, machine, 'containerd/io.containerd.content.v1.content/blobs/sha256')
  const layers = readdirSync(blobs).map((blob) => statSync(join(blobs, blob)))
  // Without manifests, configurations and the small image that makes pods.
  return layers.filter(({ size }) => size > 4 * 2 ** 20).every(({ nlink }) => nlink > 1)
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
    'the API’s public port': [`omegaweb.${services}`, 80],
    'the notebooks’ proxy': [`jupyterhub-proxy.${services}`, 8001],
    'the firewall’s health': [machine.body.address, 9099],
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
export async function processes(site: TestSite): Promise<number[]> {
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

/** Stops the site's processes whose command line matches, as a machine that hangs does; answers how to let them go on. */
export async function freeze(site: TestSite, pattern: RegExp): Promise<() => void> {
  const found = (await processes(site)).filter((pid) => pattern.test(commandLine(pid)))
  if (found.length === 0) throw new Error(`no process of the site matches ${pattern}`)
  for (const pid of found) kill(pid, 'SIGSTOP')
  return () => {
    for (const pid of found) kill(pid, 'SIGCONT')
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    // It ended meanwhile.
    return ''
  }
}

function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
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
