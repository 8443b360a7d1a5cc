import { join, resolve } from 'node:path'
import { flushCompileCache } from 'node:module'
import type { Action, ActionContext } from '../../src/actions/action.ts'
import { clusterParts } from '../../src/actions/cluster.ts'
import type { ServiceParts } from '../../src/actions/service-actions.ts'
import { createRooms, siteWith, testPlans } from '../../src/api/testing-rooms.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { accountActions, type BooksParts } from '../../src/books/books-actions.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import { type DatabaseOptions, openDatabase } from '../../src/db/database.ts'
import { createLifecycle } from '../../src/deployments/lifecycle.ts'
import type { EngineDeps } from '../../src/engine/deps.ts'
import { Engine } from '../../src/engine/engine.ts'
import { lockHolder } from '../../src/engine/locks.ts'
import type { Access } from '../support/real-outside.ts'
import { killsItself } from './kills-itself.ts'
import { remoteAdapters } from './remote.ts'

/** When an engine is killed: at a call of its outside, before or after what that does, or when so much time has passed. */
export interface Fate {
  readonly call: number
  readonly effect: 'before' | 'after'
  readonly ms: number
}

export interface Orders {
  readonly database: DatabaseOptions
  readonly keys: string
  /** For the roots of Terraform, which outlive an engine here. */
  readonly folder: string
  readonly leaseMs: number
  /** The real outside; left out, the parent's memory is asked. */
  readonly access?: Access
  /** With a real outside, whose calls the parent does not see. */
  readonly fate?: Fate | undefined
}

/** The parent's list of what runs, as an adapter. */
export interface Watch {
  begins(run: { readonly task: number; readonly fencing: number; readonly locks: readonly string[] }): Promise<void>
  ends(run: { readonly task: number; readonly fencing: number }): Promise<void>
}

// Who is killed writes no cache at its end, and the next one would compile everything anew.
flushCompileCache()

/** An engine in a process of its own, that begins when it is told to. */
process.once('disconnect', () => process.exit(0))
process.once('message', (orders) => void work(orders as Orders))
process.send?.('loaded')

const project = resolve(import.meta.dirname, '../..')

async function work(orders: Orders): Promise<void> {
  const remote = remoteAdapters()
  const { access, fate } = orders
  const deps = access === undefined ? engineDeps(orders, remote) : await realDeps(access, fate)
  const watched = deps.actions.map((action) => watch(action, remote<Watch>('watch')))
  const engine = new Engine({ ...deps, actions: watched }, { pollMs: 100, leaseMs: orders.leaseMs })
  await engine.start()
}

async function realDeps(access: Access, fate: Fate | undefined): Promise<EngineDeps> {
  const { adaptersOf, enginePartsOf } = await import('../support/real-outside.ts')
  const adapters = killsItself(await adaptersOf(access), fate)
  return (await enginePartsOf(access, { adapters })).deps
}

function engineDeps({ database, keys, folder }: Orders, remote: <One>(adapter: string) => One): EngineDeps {
  const clock = systemClock
  const db = openDatabase(database)
  const site = siteWith({ provider: 'local' })
  const lifecycle = createLifecycle({
    ...createRooms(db, clock, site, undefined, parseKeyRing(keys, 'the storm')),
    plans: testPlans,
  })
  const terraform = remote<ServiceParts['roots']['terraform']>('terraform')
  // Nobody orders one in a storm of fakes: what is in it would be in the site's own.
  const enter = () => ({
    kubernetes: remote<ServiceParts['kubernetes']>('kubernetes'),
    helm: remote<ServiceParts['helm']>('helm'),
  })
  const ring = parseKeyRing(keys, 'the storm')
  const parts: ServiceParts = {
    clusters: clusterParts({ db, keys: { engine: ring, settings: ring }, enter }),
    mongodb: remote('mongodb'),
    rabbitmq: remote('rabbitmq'),
    jupyterhub: remote('jupyterhub'),
    kubernetes: remote('kubernetes'),
    helm: remote('helm'),
    network: remote('network'),
    scripts: remote('scripts'),
    openMongodb: ({ host }) => remote(`mongodb at ${host}`),
    clock,
    manifests: join(project, 'catalog/manifests'),
    charts: join(project, 'charts'),
    roots: {
      terraform,
      states: { credentialFor: () => ({ env: {}, refused: () => undefined, end: () => {} }) },
      provider: {
        provider: loadProvider(join(project, 'catalog/providers'), 'local'),
        site: { cluster: 'omega', endpoint: 'https://10.0.0.1:7443', ca: 'CA' },
        env: {},
      },
      folder,
      modules: join(project, 'terraform'),
    },
  }
  const rows = { db, plans: testPlans, context: lifecycle.context }
  const states = remote<BooksParts['states']>('terraform')
  const actions = accountActions(parts, { ...rows, states, holding: lockHolder(db, clock) })
  return { ...lifecycle, db, actions, plans: testPlans, clock, log: silentLog }
}

/** Says to the parent what begins before it does, and what has ended before the rows say so. */
function watch<Input>(action: Action<Input>, runs: Watch): Action<Input> {
  const watched =
    <Result>(work: (input: Input, context: ActionContext) => Promise<Result>) =>
    async (input: Input, context: ActionContext): Promise<Result> => {
      const { id: task, fencing } = context.task
      await runs.begins({ task, fencing, locks: action.locks(input) })
      try {
        return await work(input, context)
      } finally {
        await runs.ends({ task, fencing })
      }
    }
  return { ...action, ensure: watched(action.ensure), remove: watched(action.remove) }
}
