import { AsyncLocalStorage } from 'node:async_hooks'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import type { Action, ActionContext } from '../../../src/actions/action.ts'
import { silentLog } from '../../../src/base/log.ts'
import { Engine } from '../../../src/engine/engine.ts'
import { type Access, type Adapters, adaptersOf, enginePartsOf } from '../../support/real-outside.ts'

export interface Orders {
  readonly access: Access
  /** File of the moments at which an engine killed itself already, a line each: it passes them from then on. */
  readonly moments?: string
  /** Instead: the moment at which it stops and goes on when it is told to, as a machine that was asleep. */
  readonly hangAt?: string
  readonly leaseMs?: number
}

// Who is killed writes no cache at its end, and the next one would compile everything anew.
flushCompileCache()

/** An engine in a process of its own that kills itself and its programs at the first moment at which none did before. */
process.once('disconnect', () => process.exit(0))
process.once('message', (orders) => void work(orders as Orders))

/** Where in which order the code is that calls an adapter. */
const place = new AsyncLocalStorage<string>()

async function work({ access, moments, hangAt, leaseMs }: Orders): Promise<void> {
  const passed = new Set(moments !== undefined && existsSync(moments) ? readFileSync(moments, 'utf8').split('\n') : [])
  const moment = (name: string): void => {
    if (name === hangAt && !passed.has(name)) hang(name, passed)
    if (moments === undefined || passed.has(name)) return
    // Written first: a process that is gone writes nothing.
    appendFileSync(moments, `${name}\n`)
    // The whole group, as when a pod's node loses power: no program goes on alone.
    process.kill(-process.pid, 'SIGKILL')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }
  const here: Here = (name) => {
    const where = place.getStore()
    if (where !== undefined) moment(`${where} ${name}`)
  }
  const real = await adaptersOf(access)
  const { deps } = await enginePartsOf(access, { adapters: killing(real, here) })
  const commands = new Map<number, string>()
  const begun = new Set(
    [...passed].flatMap((one) => (/ install .* begun$/.exec(one) === null ? [] : [one.split(' ', 2).join(' ')])),
  )
  const log = (text: string, fields: object | undefined): void => {
    const { command, step } = (fields ?? {}) as { command: number; step: string }
    const order = commands.get(command)
    if (text === 'task ended' && order !== undefined) moment(`${order} ${step} ended`)
  }
  const wrapped = deps.actions.map((action: Action<unknown>) => {
    const inside = <T>(work: (input: unknown, context: ActionContext) => Promise<T>, name: string) => {
      return async (input: unknown, context: ActionContext): Promise<T> => {
        const where = `${commands.get(context.task.command)} ${context.task.step}`
        return await place.run(where, async () => {
          // Elsewhere it is what the end of the step before is.
          const order = commands.get(context.task.command) ?? ''
          if (name === 'ensure' && order.endsWith(' install') && !begun.has(order)) {
            begun.add(order)
            here('begun')
          }
          // After it hung: whatever came of it, it has ended.
          const done = await work(input, context).finally(
            () => void (passed.has(hangAt ?? '') && process.send?.('stopped')),
          )
          if (action.name === 'order' && name === 'ensure') here('ordered')
          return done
        })
      }
    }
    const { observe, ensure, remove } = action
    return {
      ...action,
      observe: inside(observe, 'observe'),
      ensure: inside(ensure, 'ensure'),
      remove: inside(remove, 'remove'),
    }
  })
  const engine = new Engine(
    {
      ...deps,
      actions: wrapped,
      context: async (command) => {
        commands.set(command.id, `${command.plan} ${command.phase}`)
        return await deps.context(command)
      },
      prepare: async (command, tx) => {
        await deps.prepare?.(command, tx)
        moment(`${command.plan} ${command.phase} starting`)
      },
      finished: async (command, tx) => {
        await deps.finished?.(command, tx)
        moment(`${command.plan} ${command.phase} ending`)
      },
      log: { ...silentLog, info: log },
    },
    { pollMs: 50, exclusive: leaseMs === undefined, ...(leaseMs === undefined ? {} : { leaseMs }) },
  )
  await engine.start()
}

/** With its programs; the next line runs when the test lets them go on. */
function hang(name: string, passed: Set<string>): void {
  passed.add(name)
  process.send?.('hangs', undefined, {}, () => process.kill(-process.pid, 'SIGSTOP'))
}

type Here = (name: string) => void

/** What changes something is followed by a moment, and what takes long has one in its middle. */
function killing(real: Adapters, here: Here): Adapters {
  const { helm, terraform, mongodb, ownMongodb, kubernetes } = real
  const inMiddle: Adapters = {
    ...real,
    mongodb: {
      ...mongodb,
      copyDatabase: async (from, to, options) =>
        await mongodb.copyDatabase(from, to, {
          ...options,
          onCollection: (copied) => {
            here('copying')
            options.onCollection?.(copied)
          },
        }),
    },
    ownMongodb: {
      ...ownMongodb,
      dumpDatabase: async (from, to, name, options) =>
        await ownMongodb.dumpDatabase(from, to, name, {
          ...options,
          onCollection: (dumped) => {
            here('dumping')
            options.onCollection?.(dumped)
          },
        }),
    },
    helm: {
      ...helm,
      upgrade: async (release, run) => {
        const middle = watch(kubernetes, release.name, release.namespace, 'pending', () => here('upgrading'))
        return await helm.upgrade(release, run).finally(middle.end)
      },
      uninstall: async (name, namespace, run) => {
        const middle = watch(kubernetes, name, namespace, 'uninstalling', () => here('uninstalling'))
        return await helm.uninstall(name, namespace, run).finally(middle.end)
      },
    },
    terraform: {
      ...terraform,
      apply: async (root, run) => {
        const output = (line: string): void => {
          here('applying')
          run?.output?.(line)
        }
        return await terraform.apply(root, { ...run, output })
      },
    },
  }
  const entries = Object.entries(inMiddle).map(([name, adapter]) => [name, afterChanges(name, adapter as object, here)])
  return Object.fromEntries(entries) as Adapters
}

/** Helm's own record says that it is in the middle. */
function watch(
  kubernetes: Adapters['kubernetes'],
  name: string,
  namespace: string,
  status: string,
  seen: () => void,
): { end(): void } {
  const ended = new AbortController()
  const look = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const records = await kubernetes
        .list({ apiVersion: 'v1', kind: 'Secret' }, { namespace, labels: `owner=helm,name=${name}` })
        .catch(() => [])
      const isMiddle = records.some(({ metadata }) => metadata.labels?.['status']?.startsWith(status) === true)
      if (isMiddle && !ended.signal.aborted) seen()
    }
  }
  void look()
  return { end: () => ended.abort() }
}

const changes = /^(ensure|drop|delete|apply|copy|dump|upgrade|unlock|uninstall|stop|start)/

/** After the first and the second change of a kind within a step: what follows is like the second. */
function afterChanges(name: string, adapter: object, here: Here): object {
  const counts = new Map<string, number>()
  const wrap = (method: string, call: (...given: unknown[]) => Promise<unknown>) => {
    return async (...given: unknown[]): Promise<unknown> => {
      const result = await call(...given)
      if (result === false || result === 'unchanged') return result
      const key = `${place.getStore()} ${method}`
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      if (count <= 2) here(`${name}.${method} ${count}`)
      return result
    }
  }
  const methods = Object.entries(adapter).map(([method, call]) => [
    method,
    changes.test(method) ? wrap(method, call as (...given: unknown[]) => Promise<unknown>) : call,
  ])
  return Object.fromEntries(methods) as object
}
