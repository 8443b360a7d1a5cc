import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createAmqp } from '../../src/adapters/amqp/driver.ts'
import { createRabbitmq } from '../../src/adapters/rabbitmq/http.ts'
import { taskMessage } from '../../src/schedules/task-message.ts'
import { startRabbitmq, type TestRabbitmq } from '../support/rabbitmq.ts'
import { clientPython, startWorker, type TestWorker, type WorkerStart } from '../support/runtime-worker.ts'

let server: TestRabbitmq
let broker: string
const running: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  server = await startRabbitmq()
  const admin = createRabbitmq(server.admin)
  const { user, password } = server.admin
  await admin.ensureVhost('alice')
  await admin.ensurePermissions('alice', user, { configure: '.*', write: '.*', read: '.*' })
  broker = `amqp://${user}:${password}@${server.amqp.host}:${server.amqp.port}/alice`
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()))
})
afterAll(() => server?.stop())

const TASKS = `
import os, time
from celery import shared_task

@shared_task
def slow(number, seconds):
    time.sleep(seconds)
    return number

@shared_task
def note(*args, **kwargs):
    print(f'noted {args} {kwargs}', flush=True)

@shared_task
def greedy(megabytes):
    return len(bytearray(megabytes << 20))
`

async function worker(more: Partial<WorkerStart> = {}): Promise<TestWorker> {
  const started = await startWorker({ broker, queues: 'default', tasks: TASKS, ...more })
  running.push(started)
  return started
}

/** Sends tasks as a client does and answers with what came back, as JSON. */
async function send(source: string): Promise<{ answer: Promise<unknown> }> {
  const program = `
import json, sys
from celery import Celery
app = Celery(broker=${JSON.stringify(broker)}, backend='rpc://')
app.conf.update(task_default_queue='default', task_serializer='pickle', accept_content=['pickle', 'json'])
def sent(results):
    print('sent', flush=True)
    print(json.dumps([one.get(timeout=100) for one in results]))
def told(result):
    print('sent', flush=True)
    try: print(json.dumps(result.get(timeout=100)))
    except Exception as error: print(json.dumps(type(error).__name__))
${source}`
  const child = spawn(clientPython(), ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  running.push({ stop: async () => void child.kill('SIGKILL') })
  let text = ''
  child.stdout.on('data', (part: Buffer) => (text += part.toString()))
  const ended = once(child, 'close')
  await expect.poll(() => text, { timeout: 30_000 }).toMatch(/^sent/)
  return { answer: ended.then(() => JSON.parse(text.split('\n')[1] || '"no answer"') as unknown) }
}

async function untilGone(one: TestWorker): Promise<number> {
  const from = Date.now()
  await expect.poll(() => one.process.isAlive(), { timeout: 60_000, interval: 20 }).toBe(false)
  return Date.now() - from
}

test('an idle worker that is told to go is gone within seconds, whatever its grace', async () => {
  const one = await worker()
  process.kill(one.process.pid, 'SIGTERM')
  const took = await untilGone(one)
  expect(took).toBeLessThan(20_000)
})

test('workers that go in the middle lose no task: what runs is finished, what waits goes to the others', async () => {
  const [first, second] = [await worker(), await worker({ name: 'second' })]
  const { answer } = await send(`sent([app.send_task('tasks.slow', (n, 1)) for n in range(12)])`)
  await expect.poll(() => first.log(), { timeout: 60_000 }).toMatch(/tasks\.slow.*received/)
  process.kill(first.process.pid, 'SIGTERM')
  await untilGone(first)
  expect(first.log()).toMatch(/succeeded/)
  expect(await answer).toEqual(Array.from({ length: 12 }, (_, n) => n))
  expect(second.log()).toMatch(/succeeded/)
})

test('tasks that wait and tasks that run are seen in their queue, also when no worker was ever there', async () => {
  const admin = createRabbitmq(server.admin)
  const load = async () => (await admin.listLoads('alice')).find(({ queue }) => queue === 'asleep')
  const { answer } = await send(`sent([app.send_task('tasks.slow', (n, 8), queue='asleep') for n in range(3)])`)
  await expect.poll(load, { timeout: 60_000 }).toEqual({ queue: 'asleep', ready: 3, unacknowledged: 0 })
  await worker({ queues: 'asleep', env: { OMEGA_WORKER_CONCURRENCY: '2' } })
  await expect.poll(load, { timeout: 60_000 }).toEqual({ queue: 'asleep', ready: 1, unacknowledged: 2 })
  expect(await answer).toEqual([0, 1, 2])
  await expect.poll(load, { timeout: 60_000 }).toEqual({ queue: 'asleep', ready: 0, unacknowledged: 0 })
})

test('a task of the scheduler is understood as one of a client', async () => {
  const one = await worker({ queues: 'scheduled' })
  const auth = ['alice', 'kéy', 'default'] as const
  const message = taskMessage({ name: 'tasks.note', id: randomUUID(), auth, expiresMs: 60_000 })
  await createAmqp().send({ url: broker, tls: false }, 'scheduled', message)
  const noted = "noted () {'__auth': ('alice', 'kéy', 'default'), '__bucket': None, 'pure_python': False}"
  await expect.poll(() => one.log(), { timeout: 60_000 }).toContain(noted)
  await expect.poll(() => one.log(), { timeout: 60_000 }).toMatch(/tasks\.note.*succeeded/)
})

test('a worker that is lost with its machine loses no task: another one runs it again', async () => {
  const first = await worker()
  const { answer } = await send(`sent([app.send_task('tasks.slow', (n, 3)) for n in range(4)])`)
  await expect.poll(() => first.log(), { timeout: 60_000 }).toMatch(/tasks\.slow.*received/)
  process.kill(first.process.pid, 'SIGKILL')
  await worker({ name: 'second' })
  expect(await answer).toEqual([0, 1, 2, 3])
})

test('a task that takes too long, or too much memory, is ended, and the worker goes on', async () => {
  await worker({ env: { OMEGA_TASK_TIMEOUT: '2', TASK_MEMORY_MB: '1024' } })
  const slow = await send(`told(app.send_task('tasks.slow', (1, 60)))`)
  expect(await slow.answer).toBe('SoftTimeLimitExceeded')
  const greedy = await send(`told(app.send_task('tasks.greedy', (4096,)))`)
  expect(await greedy.answer).toBe('MemoryError')
  const modest = await send(`told(app.send_task('tasks.greedy', (64,)))`)
  expect(await modest.answer).toBe(64 << 20)
})
