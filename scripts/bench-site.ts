import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { createKubernetes } from '../src/adapters/kubernetes/api.ts'
import type { Kubernetes } from '../src/adapters/kubernetes/port.ts'
import { systemClock } from '../src/base/clock.ts'
import { type TestSite, testSite } from '../test/e2e/cli.ts'
import { processes } from '../test/e2e/cluster.ts'

interface Up {
  readonly api: string
  readonly notebook: string
  readonly admin: { readonly userid: string; readonly password: string }
}

interface Person {
  readonly userid: string
  readonly apikey: string
  readonly apiUrl: string
  readonly readySeconds: number
}

const ALONE = 10
const AT_ONCE = 50
const PINGS = 5
const NOTEBOOKS = 5
const MACHINES = 3

/** A site of its own on this machine, with real pods: made, used, started again and taken away. */
export async function measureSite(): Promise<void> {
  const site = await testSite('bench')
  try {
    console.log('\nsite, one machine, programs and images in the cache')
    await timeUp('up, first time', site, '--domain', site.domain, '--port-base', String(site.portBase))
    await timeUp('up, again', site)
    await showMemory(site)
    const people = await measureAccounts(site)
    await measurePings(people)
    await measureNotebooks(site, people)
    await measureMachines(site)
    await measureCrowd(site)
    await site.run('down')
    await timeUp('up, after down', site)
  } finally {
    await site.purge()
  }
}

/** The whole, and the steps that took longest, as `up` itself says. */
async function timeUp(what: string, site: TestSite, ...words: string[]): Promise<void> {
  const began = performance.now()
  const { stdout, stderr } = await site.run('up', ...words)
  const spent = (performance.now() - began) / 1000
  const steps = [...`${stdout}\n${stderr}`.matchAll(/^✓ (\S+) \((?:(\d+) min )?([\d.]+) s\)/gm)]
  const timed = steps.map(([, name = '', minutes = '0', seconds = '0']) => ({
    name,
    seconds: Number(minutes) * 60 + Number(seconds),
  }))
  const longest = timed.filter(({ seconds }) => seconds >= 1).map(({ name, seconds }) => `${name} ${seconds}`)
  show(what, `${spent.toFixed(1)} s`, longest.join(', '))
}

async function measureAccounts(site: TestSite): Promise<Person[]> {
  const people: Person[] = []
  for (const name of named('alone', ALONE))
    people.push(await site.json<Person>('account', 'create', name, '--email', `${name}@example.com`))
  show('an account until it is ready', spread(people.map(({ readySeconds }) => readySeconds)))
  return people
}

/** The first thing of all that somebody does with the client: Python starts, signs in, and sends a task to the shared worker. */
async function measurePings(people: readonly Person[]): Promise<void> {
  const om = join(process.env['CLOUDMGR_TEST_PYTHON'] ?? 'python3', '../om')
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-bench-'))
  const times: number[] = []
  try {
    for (const { userid, apikey, apiUrl } of people.slice(0, PINGS)) {
      const config = ['--config', join(folder, `${userid}.yml`)]
      await execa(om, ['cloud', 'login', userid, apikey, '--apiurl', apiUrl, ...config])
      times.push(await secondsOf(async () => await execa(om, ['runtime', 'ping', ...config])))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  show('its first om runtime ping', spread(times), 'a Python that starts included')
}

/** From the request to the hub until the hub says that the server is ready, with what happened to the pod on the way. */
async function measureNotebooks(site: TestSite, people: readonly Person[]): Promise<void> {
  const kubernetes = createKubernetes({ kubeconfigFile: join(site.state, 'kubeconfig') })
  const stages: NotebookStages[] = []
  const address = `http://notebook.${site.domain}:${site.portBase}`
  for (const person of people.slice(0, NOTEBOOKS)) stages.push(await timeNotebook(kubernetes, address, person))
  const middle = (stage: keyof NotebookStages) => median(stages.map((one) => one[stage])).toFixed(1)
  const parts = `pod ordered ${middle('ordered')}, placed ${middle('placed')}, container runs ${middle('runs')}`
  show('a notebook until it is ready', spread(stages.map(({ ready }) => ready)), `after the request: ${parts}`)
}

/** Seconds since it was asked for. */
interface NotebookStages {
  readonly ordered: number
  readonly placed: number
  readonly runs: number
  readonly ready: number
}

async function timeNotebook(kubernetes: Kubernetes, address: string, person: Person): Promise<NotebookStages> {
  const { userid, apikey } = person
  const path = `${address}/hub/api/users/${userid}`
  const auth = { username: userid, password: apikey }
  const { token } = await askJson<{ token: string }>('POST', `${path}/tokens`, {}, { auth, expires_in: 900 })
  const headers = { authorization: `token ${token}` }
  const began = performance.now()
  const since = () => (performance.now() - began) / 1000
  // It answers when the server is ready, or after ten seconds.
  const asking = askJson('POST', `${path}/server`, headers, {})
  const seen: Partial<Record<keyof NotebookStages, number>> = {}
  while (seen.ready === undefined) {
    const [pod] = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: `om-${userid}`, labels })
    if (pod !== undefined) seen.ordered ??= since()
    if ((pod?.['spec'] as { nodeName?: string } | undefined)?.nodeName !== undefined) seen.placed ??= since()
    if ((pod?.['status'] as { phase?: string } | undefined)?.phase === 'Running') seen.runs ??= since()
    const { servers } = await askJson<{ servers: Record<string, { ready: boolean }> }>('GET', path, headers)
    if (servers['']?.ready === true) seen.ready = since()
    if (since() > 120) throw new Error(`the notebook of ${userid} is not ready after two minutes`)
    await systemClock.sleep(50)
  }
  await asking
  await askJson('DELETE', `${path}/server`, headers)
  return { ordered: 0, placed: 0, runs: 0, ...seen, ready: seen.ready }
}

const labels = 'component=singleuser-server'

/** Through order, plan and apply of Terraform, until the node is ready; and until nothing of it is left. */
async function measureMachines(site: TestSite): Promise<void> {
  const [made, gone]: [number[], number[]] = [[], []]
  for (const name of named('pool', MACHINES)) {
    const words = ['nodepool', '--account', 'alone0', '--specs', `name=${name},size=1`]
    made.push(await secondsOf(async () => await site.run('order', 'add', ...words)))
    gone.push(await secondsOf(async () => await site.run('order', 'remove', ...words, '--yes')))
  }
  show('a machine ordered until it is ready', spread(made), 'with the command line that orders it')
  show('and until it is gone', spread(gone))
}

/** All ordered in the same moment; each until it is ready. */
async function measureCrowd(site: TestSite): Promise<void> {
  const { api, admin } = await site.json<Up>('up')
  const { userid: username, password } = admin
  const { token } = await askJson<{ token: string }>('POST', `${api}/token-auth/`, {}, { username, password })
  const headers = { authorization: `Bearer ${token}` }
  const ordered = await Promise.all(
    named('crowd', AT_ONCE).map(async (name) => {
      const body = { name, email: `${name}@example.com` }
      return (await askJson<{ command: number }>('POST', `${api}/api/v2/accounts`, headers, body)).command
    }),
  )
  const times = await Promise.all(ordered.map(async (id) => await commandSeconds(api, headers, id)))
  show(`${AT_ONCE} accounts at once, each until it is ready`, spread(times))
}

async function commandSeconds(api: string, headers: Record<string, string>, id: number): Promise<number> {
  for (;;) {
    const path = `${api}/api/v2/commands/${id}`
    const { state, createdAt, endedAt } = await askJson<Command>('GET', path, headers)
    if (state === 'failed') throw new Error(`command ${id} failed`)
    if (state === 'done' && endedAt !== undefined) return (Date.parse(endedAt) - Date.parse(createdAt)) / 1000
    await systemClock.sleep(1000)
  }
}

interface Command {
  readonly state: string
  readonly createdAt: string
  readonly endedAt?: string
}

/** What each component's processes hold for themselves, and their share of what several hold. */
async function showMemory(site: TestSite): Promise<void> {
  const kubernetes = createKubernetes({ kubeconfigFile: join(site.state, 'kubeconfig') })
  const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod' })
  const names = new Map(
    pods.map(({ metadata }) => [
      String(metadata['uid']),
      metadata.labels?.['app.kubernetes.io/component'] ?? metadata.labels?.['app.kubernetes.io/name'] ?? metadata.name,
    ]),
  )
  const sizes = new Map<string, number>()
  for (const pid of await processes(site)) {
    const held = holder(pid, names)
    if (held !== undefined) sizes.set(held.name, (sizes.get(held.name) ?? 0) + held.megabytes)
  }
  const sorted = [...sizes].toSorted(([, a], [, b]) => b - a)
  const total = sorted.reduce((sum, [, size]) => sum + size, 0)
  const large = sorted.filter(([, size]) => size >= 20).map(([name, size]) => `${name} ${size.toFixed(0)}`)
  show('memory at rest', `${total.toFixed(0)} MB`, large.join(', '))
}

/** The component of a pod's process, the program of any other; `undefined` for one that has just ended. */
function holder(pid: number, pods: ReadonlyMap<string, string>): { name: string; megabytes: number } | undefined {
  try {
    const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? '0'
    const uid = /pod([0-9a-f]{8}[-_0-9a-f]{28})/.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]
    const program = basename(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '')
    const name = pods.get(uid?.replaceAll('_', '-') ?? '') ?? program
    return { name, megabytes: Number(kilobytes) / 1024 }
  } catch {
    return undefined
  }
}

async function askJson<T>(method: string, url: string, headers: Record<string, string>, body?: object): Promise<T> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await fetch(url, { method, headers: { ...headers, ...type, connection: 'close' }, ...sent })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text.slice(0, 300)}`)
  return (text === '' ? {} : JSON.parse(text)) as T
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

const named = (name: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${name}${index}`)

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}

const spread = (times: readonly number[]): string =>
  `${median(times).toFixed(1)} s, at most ${Math.max(...times).toFixed(1)} s (${times.length})`

const show = (what: string, figures: string, more = ''): void =>
  console.log(`  ${what.padEnd(42)} ${figures}${more === '' ? '' : `\n    ${more}`}`)
