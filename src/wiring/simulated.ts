import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { createFakeAmqp } from '../adapters/amqp/fake.ts'
import { createHelmCli } from '../adapters/helm/cli.ts'
import { createFakeJupyterhub, type JupyterhubMemory } from '../adapters/jupyterhub/fake.ts'
import { createKubernetes } from '../adapters/kubernetes/api.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { createFakeMongodb, emptyMongodb, type FakeMongodb, type MongodbMemory } from '../adapters/mongodb/fake.ts'
import { createFakeNetwork } from '../adapters/network/fake.ts'
import { createFakeRabbitmq, emptyRabbitmq, type RabbitmqMemory } from '../adapters/rabbitmq/fake.ts'
import { createScripts } from '../adapters/scripts/folder.ts'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import { createLog } from '../base/log.ts'
import { migrate } from '../db/migrate.ts'
import { openKeptMemory } from './kept-memory.ts'
import { required } from './service-env.ts'
import { type EngineOutside, engineKeyRing, openHouse, startApi, startEngine, terminated } from './service.ts'

const project = resolve(import.meta.dirname, '../..')

const config = z.strictObject({ env: z.record(z.string(), z.string()) })

/**
 * API and engine in one process on this host, for a site that is simulated: Kubernetes and Terraform are real, MongoDB,
 * RabbitMQ and JupyterHub are the fakes that the contract suites keep honest. `--config` names the variables' file.
 */
export async function serveSimulated(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...words], options: { config: { type: 'string' } } })
  readVariables(values.config)
  const keys = engineKeyRing()
  const house = openHouse(keys)
  await migrate(house.db)
  const outside = simulatedOutside(keys)
  const { kubernetes, rabbitmq: broker, mongodb: databases } = outside
  const api = await startApi(house, { kubernetes, broker, databases }, createLog('api'))
  const engine = await startEngine(house, keys, outside, createLog('engine'))
  await terminated()
  await Promise.all([api.stop(), engine.stop()])
  await house.db.destroy()
  return 0
}

/** By a file, because a command line and its environment can be read by others on the host. */
function readVariables(file: string | undefined): void {
  if (file === undefined) {
    throw new AppError('invalid', 'option', 'serve simulated needs --config FILE, which ./cloudmgr up writes')
  }
  Object.assign(process.env, config.parse(JSON.parse(readFileSync(file, 'utf8'))).env)
}

interface Memory {
  readonly mongodb: MongodbMemory
  /** Servers of accounts' own, by host and port. */
  readonly servers: Map<string, MongodbMemory>
  readonly rabbitmq: RabbitmqMemory
  readonly jupyterhub: JupyterhubMemory
}

const emptyMemory = (): Memory => ({
  mongodb: emptyMongodb(),
  servers: new Map(),
  rabbitmq: emptyRabbitmq(),
  jupyterhub: new Map(),
})

function simulatedOutside(keys: KeyRing) {
  const file = required(process.env, 'CLOUDMGR_MEMORY', 'file of what the simulated services remember')
  const kubeconfig = required(process.env, 'CLOUDMGR_KUBECONFIG', 'kubeconfig of the cluster')
  const { memory, keeping } = openKeptMemory(file, keys, emptyMemory)
  const kubernetes = withoutLogs(createKubernetes({ kubeconfigFile: kubeconfig }))
  const openMongodb = ({ host, port }: { host: string; port: number }): FakeMongodb => {
    const known = memory.servers.get(`${host}:${port}`) ?? emptyMongodb()
    memory.servers.set(`${host}:${port}`, known)
    return keeping(createFakeMongodb(known))
  }
  return {
    mongodb: keeping(createFakeMongodb(memory.mongodb)),
    openMongodb,
    rabbitmq: keeping(createFakeRabbitmq(memory.rabbitmq)),
    jupyterhub: keeping(createFakeJupyterhub(memory.jupyterhub)),
    kubernetes,
    helm: createHelmCli({ program: 'helm', folder: join(tmpdir(), 'helm'), kubeconfig, kubernetes }),
    network: createFakeNetwork(),
    scripts: createScripts(join(project, 'catalog/scripts')),
    amqp: createFakeAmqp(),
  } satisfies EngineOutside
}

/** No kubelet is there to be asked. */
function withoutLogs(kubernetes: Kubernetes): Kubernetes {
  return {
    ...kubernetes,
    podLogs: async ({ name }) => `${name} is simulated: it runs no program, so it says nothing\n`,
  }
}
