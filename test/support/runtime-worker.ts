import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type ServerProcess, startServer, untilReady } from './server-process.ts'

const image = resolve(import.meta.dirname, '../../images/omegaml-runtime')

export interface TestWorker {
  readonly process: ServerProcess
  /** What it printed so far. */
  log(): string
  stop(): Promise<void>
}

export interface WorkerStart {
  /** URL of the broker with login and vhost. */
  readonly broker: string
  readonly queues: string
  /** Workers of one broker need names of their own, as pods have them. */
  readonly name?: string
  /** Source of a Python module `tasks`, besides omega|ml's own tasks. */
  readonly tasks?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Python with the real omega|ml client, as `npm test` prepares it. */
export function clientPython(): string {
  const python = process.env['CLOUDMGR_TEST_PYTHON']
  if (python === undefined) throw new Error('the omegaml client is missing: run the tests by `npm test`')
  return python
}

/** A runtime worker as its pod starts it: the image's script and application, with a hub that tells it its broker. */
export async function startWorker(start: WorkerStart): Promise<TestWorker> {
  const { broker, queues, name = 'worker', tasks = '', env = {} } = start
  const python = clientPython()
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-worker-'))
  const hub = await startHub(broker)
  const modules = join(folder, 'modules')
  mkdirSync(modules)
  writeFileSync(join(modules, 'runtime_worker.py'), readFileSync(join(image, 'runtime_worker.py')))
  writeFileSync(join(modules, 'tasks.py'), tasks)
  const log = join(folder, 'log')
  const server = startServer(join(image, 'bin/runtime-worker'), ['--include', 'tasks', '--hostname', `${name}@test`], {
    log,
    cwd: folder,
    env: {
      PATH: `${dirname(python)}:${join(image, 'bin')}:/usr/bin:/bin`,
      HOME: folder,
      PYTHONPATH: modules,
      PYTHONUNBUFFERED: '1',
      C_FORCE_ROOT: '1',
      // Names of the hub need not resolve: every request goes to the one that answers.
      http_proxy: hub.url,
      OMEGA_RESTAPI_URL: 'http://hub.omega.test',
      OMEGA_USERID: 'alice',
      OMEGA_APIKEY: 'key',
      OMEGA_WORKER_SHARED: 'no',
      OMEGA_WORKER_STATE: join(folder, 'state'),
      CELERY_Q: queues,
      ...env,
    },
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    hub.server.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const said = (): string => readFileSync(log, 'utf8')
  try {
    await untilReady('worker', server, log, async () => / ready\./.test(said()), 180_000)
  } catch (error) {
    await stop()
    throw error
  }
  return { process: server, log: said, stop }
}

async function startHub(broker: string): Promise<{ server: Server; url: string }> {
  const data = {
    OMEGA_USERID: 'alice',
    OMEGA_APIKEY: 'key',
    OMEGA_QUALIFIER: 'default',
    OMEGA_MONGO_URL: 'mongodb://alice:secret@127.0.0.1:1/alice',
    OMEGA_CELERY_CONFIG: { BROKER_URL: broker, CELERY_RESULT_BACKEND: 'rpc://', BROKER_USE_SSL: false },
  }
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ meta: {}, objects: [{ data }] }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
