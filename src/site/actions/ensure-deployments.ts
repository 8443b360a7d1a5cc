import { z } from 'zod'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import type { Action, ActionContext, Observation, Outcome } from '../../actions/action.ts'
import { AppError } from '../../base/errors.ts'
import type { ServiceApi, ServiceCommand } from '../service-api.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  /** A namespace of the site: one made anew tells that the cluster is another one. */
  namespace: z.string().min(1),
  /** Accounts; those of all others are left to action `await-deployments`. All are waited for when left out. */
  waitsFor: z.array(z.string()).optional(),
})

const awaitInput = z.strictObject({
  namespace: z.string().min(1),
  /** As action `ensure-deployments` gave them. */
  commands: z.array(z.number().int()),
})

export type EnsureDeploymentsInput = z.infer<typeof input>
export type AwaitDeploymentsInput = z.infer<typeof awaitInput>

export interface EnsureDeploymentsDeps {
  api(): ServiceApi
  kubernetes(): Kubernetes
  /** The cluster in which all deployments were made sure of last. */
  lastCluster(): string | undefined
  keepCluster(cluster: string): void
  /** The site is taken away: what the accounts have is made sure of anew when it comes back. */
  forgetCluster(): void
  sleep: Sleep
}

const ended = { completed: 5, removed: 8, failed: 9 } as const

/** After the cluster was made anew: users, namespaces and Secrets of every active account come back from the rows. */
export function ensureDeploymentsAction(deps: EnsureDeploymentsDeps): Action<EnsureDeploymentsInput> {
  return {
    name: 'ensure-deployments',
    input,
    locks: () => ['accounts'],
    observe: async ({ namespace }) => await observed(deps, namespace),
    ensure: async ({ namespace, waitsFor }, context) => {
      const cluster = await clusterOf(deps, namespace)
      if (deps.lastCluster() === cluster)
        return { changed: false, message: 'already as wanted', outputs: { commands: [] } }
      const api = deps.api()
      const commands = await api.ensureDeployments()
      const first = commands.filter(({ account = '' }) => waitsFor?.includes(account) ?? true)
      await waitForAll(api, first, deps.sleep, context)
      if (waitsFor === undefined) deps.keepCluster(cluster)
      return { ...told(first.length), outputs: { commands: commands.map(({ id }) => id) } }
    },
    remove: async () => {
      deps.forgetCluster()
      return { changed: false, message: 'kept with the database' }
    },
  }
}

/** Waits for what action `ensure-deployments` ordered: what needs only some of the accounts goes on meanwhile. */
export function awaitDeploymentsAction(deps: EnsureDeploymentsDeps): Action<AwaitDeploymentsInput> {
  return {
    name: 'await-deployments',
    input: awaitInput,
    locks: () => ['deployments'],
    observe: async ({ namespace }) => await observed(deps, namespace),
    ensure: async ({ namespace, commands }, context) => {
      const cluster = await clusterOf(deps, namespace)
      await waitForAll(
        deps.api(),
        commands.map((id) => ({ id })),
        deps.sleep,
        context,
      )
      deps.keepCluster(cluster)
      return commands.length === 0 ? { changed: false, message: 'already as wanted' } : told(commands.length)
    },
    remove: async () => ({ changed: false, message: 'kept with the database' }),
  }
}

async function observed(deps: EnsureDeploymentsDeps, namespace: string): Promise<Observation> {
  const last = deps.lastCluster()
  if (last === undefined) return { state: 'absent' }
  return { state: last === (await clusterOf(deps, namespace)) ? 'present' : 'different' }
}

function told(count: number): Outcome {
  return { changed: count > 0, message: `${count} ${count === 1 ? 'deployment' : 'deployments'} made sure of` }
}

function isOver({ status }: ServiceCommand): boolean {
  return status === ended.completed || status === ended.removed
}

async function clusterOf(deps: EnsureDeploymentsDeps, name: string): Promise<string> {
  const namespace = await deps.kubernetes().find({ apiVersion: 'v1', kind: 'Namespace', name })
  const uid = namespace?.metadata['uid']
  if (typeof uid === 'string') return uid
  throw new AppError('unavailable', 'no-namespace', `the cluster has no namespace ${name} yet`)
}

async function waitForAll(
  api: ServiceApi,
  commands: readonly Pick<ServiceCommand, 'id'>[],
  sleep: Sleep,
  context: ActionContext,
): Promise<void> {
  let open = commands
  while (open.length > 0) {
    context.waiting(`${open.length} of ${commands.length} deployments`)
    const now = await Promise.all(open.map(async ({ id }) => await api.findCommand(id)))
    const failed = now.find((command) => command?.status === ended.failed)
    if (failed !== undefined) {
      throw new AppError(
        'conflict',
        'deployment-failed',
        `deployment of ${failed.account ?? 'an account'}: ${failed.message ?? 'failed'}`,
      )
    }
    open = now.filter((command) => command !== undefined).filter((command) => !isOver(command))
    if (open.length > 0) await sleep(250, context.signal)
  }
  context.waiting(undefined)
}
