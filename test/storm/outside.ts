import type { SiteFacts } from '../../src/deployments/site-facts.ts'
import { createFakeOutside, createFakeServers } from '../journeys/fake-outside.ts'
import type { Orders } from './engine-process.ts'
import type { Adapter } from './remote.ts'

/** What engines change in a storm, and how it is looked at. */
export interface StormOutside {
  readonly orders: Orders
  readonly site?: SiteFacts
  /** What lies in this process and is asked by engines. */
  adapterOf(name: string): Adapter
  /** What is still there of all accounts, a line for each. */
  left(): Promise<string[]>
  /** Now and then kills a server that comes back after a while. Ends when whoever orders may go on. */
  disturb(): Promise<void>
  /** Everything is there again, and stays. */
  calm(): Promise<void>
  outages(): number
  /** An engine of a process has to come so far that there is something to break off. */
  readonly shortestLifeMs: number
  /** By then everything has ended that nobody disturbs. */
  readonly settleMs: number
}

/** In the memory of this process. */
export function fakeOutside(given: Omit<Orders, 'leaseMs'>): StormOutside {
  const outside = createFakeOutside()
  const { openMongodb } = createFakeServers()
  const adapters = outside as unknown as Readonly<Record<string, Adapter>>
  return {
    orders: { ...given, leaseMs: 3_000 },
    adapterOf: (name) => {
      const [, host] = /^mongodb at (.*)$/.exec(name) ?? []
      return host === undefined ? (adapters[name] ?? {}) : (openMongodb({ host }) as unknown as Adapter)
    },
    left: async () => await lookAt(outside),
    disturb: async () => {
      // A fake has no server.
    },
    calm: async () => {
      // Nor does it need to come back.
    },
    outages: () => 0,
    shortestLifeMs: 100,
    settleMs: 180_000,
  }
}

/** What accounts left; their own database servers went with their namespaces, the shared virtual host is the site's. */
async function lookAt(outside: ReturnType<typeof createFakeOutside>): Promise<string[]> {
  const { mongodb, rabbitmq, jupyterhub, kubernetes, helm, terraform } = outside
  const objects = async (apiVersion: string, kind: string) => {
    const found = await kubernetes.list({ apiVersion, kind })
    return found.map(({ metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`)
  }
  return [
    ...(await mongodb.listUsers()).map(({ user }) => `user of MongoDB ${user}`),
    ...(await mongodb.listDatabases()).map((name) => `database ${name}`),
    ...(await rabbitmq.listUsers()).map((user) => `user of RabbitMQ ${user}`),
    ...(await rabbitmq.listVhosts()).filter((name) => name !== 'omegaml').map((name) => `virtual host ${name}`),
    ...(await jupyterhub.listUsers()).map(({ name }) => `user of JupyterHub ${name}`),
    ...(await objects('v1', 'Namespace')),
    ...(await objects('v1', 'Secret')),
    ...(await objects('v1', 'PersistentVolume')),
    ...(await objects('apps/v1', 'Deployment')),
    ...(await helm.list()).map(({ namespace, name }) => `release ${namespace}/${name}`),
    ...terraform.filledRoots().map((root) => `root ${root}`),
  ]
}
