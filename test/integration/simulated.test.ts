import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SiteStatus } from '../../src/cli/status.ts'
import { simulatedParts } from '../../src/site/site.ts'
import { createSomebody, type Somebody } from '../support/somebody.ts'
import { freePort } from '../support/programs.ts'

const programs = [
  ...(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const),
  ...(['tofu', 'helm', 'terraform-provider-localcloud'] as const),
]
const domain = 'trial.localhost'

const shortly = { timeout: 120_000, interval: 1000 }

let somebody: Somebody
let port: number

beforeAll(async () => {
  somebody = createSomebody(programs)
  port = await freePort()
})
afterAll(() => somebody.remove())

async function cloudmgr(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await somebody.cloudmgr([...words, '--site', 'trial'])
  expect(exitCode, `${words.join(' ')}: ${stderr.slice(-1500)}${stdout.slice(-500)}`).toBe(0)
  return stdout
}

async function json<T>(...words: string[]): Promise<T> {
  return JSON.parse(await cloudmgr(...words, '--json')) as T
}

/** As a browser: `*.localhost` is this machine. */
function get(host: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers: { host: `${host}.${domain}:${port}` } }
    const call = request(options, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    call.on('error', reject)
    call.end()
  })
}

/** As an operator, of the local cloud itself. */
function orderMachine(name: string, order: object): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const socketPath = join(somebody.home, 'sites/trial/cloud/api.sock')
    const headers = { 'content-type': 'application/json' }
    const path = `/v1/clusters/trial/machines/${name}`
    const call = request({ socketPath, path, method: 'PUT', headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    call.on('error', reject)
    call.end(JSON.stringify(order))
  })
}

async function podsOf(...labels: string[]): Promise<object[]> {
  const { pods } = await json<{ pods: { name: string }[] }>('status', '--account', 'demo')
  return labels.flatMap((label) => pods.filter(({ name }) => name.startsWith(`runtime-${label}-`)))
}

/** What its steps wait for. */
async function waitingOf(id: number): Promise<string> {
  const { steps } = await json<{ steps: { waiting?: string }[] }>('command', 'show', String(id))
  return steps.map(({ waiting = '' }) => waiting).join()
}

const programOf = (name: string) => {
  const file = join(somebody.home, 'sites/trial/cloud/programs', `${name}.json`)
  return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid
}

// One site, in this order.
// Half a minute where nobody else is at work; programs that start at once suffer most where somebody is.
test('somebody without root makes a whole site', { timeout: 600_000 }, async () => {
  const made = await json<{ api: string; simulated: string[] }>('up', '--simulated', '--http-port', String(port))
  expect(made).toMatchObject({ api: `http://hub.${domain}:${port}`, simulated: [...simulatedParts] })
})

test('everything says what is simulated', async () => {
  const status = await json<SiteStatus>('status')
  expect(status).toMatchObject({
    state: 'up',
    simulated: [...simulatedParts],
    nodes: [{ name: 'node-1', ready: true }],
  })
  expect(JSON.parse((await get('hub', '/api/v2/site')).text)).toMatchObject({ simulated: [...simulatedParts] })
  expect((await get('hub', '/')).text).toContain('<div id="root">')
  expect(await get('notebook', '/hub')).toMatchObject({ status: 501, text: expect.stringContaining('simulated') })
  expect(await cloudmgr('doctor')).toContain('simulated: machines and their pods, MongoDB')
})

test('orders run on the real API server, Terraform and Helm', async () => {
  const gold = ['--account', 'demo', '--specs', 'role=worker,node-type=small,size=2']
  await cloudmgr('nodepool', 'add', 'gold', ...gold)
  await cloudmgr('order', 'add', 'runtime', '--account', 'demo', '--specs', 'size=2')
  const { nodes } = await json<SiteStatus>('status')
  expect(nodes.map(({ name, ready }) => ({ name, ready }))).toEqual(
    ['demo-gold-1', 'demo-gold-2', 'node-1'].map((name) => ({ name, ready: true })),
  )
  const { pods } = await json<{ pods: { status: string }[] }>('status', '--account', 'demo')
  expect(pods.map(({ status: is }) => is)).toEqual(['Running', 'Running'])
})

test('a runtime with a GPU comes to the machine that has one, and one of two waits and says why', async () => {
  const order = { cores: 8, memoryGb: 32, role: 'gpu', gpu: 1 }
  const taints = [{ key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }]
  expect(await orderMachine('gpu-1', { ...order, taints })).toMatchObject({
    status: 400,
    text: expect.stringContaining('only simulated machines can say that they have GPUs'),
  })
  // The same role without a GPU, and open to everybody: it must not be taken for want of a better one.
  expect(await orderMachine('plain-1', { ...order, gpu: 0, simulated: true })).toMatchObject({ status: 202 })
  expect(await orderMachine('gpu-1', { ...order, taints, simulated: true })).toMatchObject({ status: 202 })
  const runtime = async (specs: string) => {
    const words = ['order', 'add', 'runtime', '--account', 'demo', '--specs', `role=gpu,${specs}`, '--no-wait']
    return (await json<{ id: number }>(...words)).id
  }
  await runtime('label=train,gpu=1')
  await runtime('label=plain')
  const id = await runtime('label=big,gpu=2')
  const why = 'no node fits (needs 2 GPUs, largest node has 1)'
  await expect.poll(() => waitingOf(id), shortly).toContain(why)
  await expect
    .poll(() => podsOf('big', 'plain', 'train'), shortly)
    .toMatchObject([
      { status: 'Pending', waiting: why },
      { status: 'Running', node: 'plain-1' },
      { status: 'Running', node: 'gpu-1' },
    ])

  await cloudmgr('command', 'cancel', String(id))
  await cloudmgr('order', 'remove', 'runtime', '--account', 'demo', '--specs', 'label=big', '--yes')
})

test('what is killed comes back, and knows what it knew', async () => {
  const [service, apiServer] = [programOf('process-cloudmgr'), programOf('apiserver')]
  for (const pid of [service, apiServer]) process.kill(pid, 'SIGKILL')
  await expect.poll(() => programOf('process-cloudmgr'), { timeout: 120_000 }).not.toBe(service)
  await expect.poll(async () => await get('hub', '/healthz').catch(() => undefined), { timeout: 120_000 }).toBeDefined()
  // Also the demo account is as it was.
  expect(await cloudmgr('up')).toMatch(/demo \([^)]*\): already as wanted/)
  expect(await json<object[]>('drift')).toEqual([])
})

test('nothing is left of it', async () => {
  await cloudmgr('down', '--purge', '--yes')
  expect(existsSync(join(somebody.home, 'sites/trial'))).toBe(false)
  expect(somebody.processes()).toEqual([])
})
