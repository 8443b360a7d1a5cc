import { z } from 'zod'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import type { Action, ActionContext } from '../../actions/action.ts'
import { AppError } from '../../base/errors.ts'
import type { ServiceApi, ServiceCommand } from '../service-api.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  /** A namespace of the site: one made anew tells that the cluster is another one. */
  namespace: z.string().min(1),
})

export type EnsureDeploymentsInput = z.infer<typeof input>

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
    observe: async ({ namespace }) => {
      const last = deps.lastCluster()
      if (last === undefined) return { state: 'absent' }
      return { state: last === (await clusterOf(deps, namespace)) ? 'present' : 'different' }
    },
    ensure: async ({ namespace }, context) => {
      const cluster = await clusterOf(deps, namespace)
      if (deps.lastCluster() === cluster) return { changed: false, message: 'already as wanted' }
      const api = deps.api()
      const commands = await api.ensureDeployments()
      await waitForAll(api, commands, deps.sleep, context)
      deps.keepCluster(cluster)
      return {
        changed: commands.length > 0,
        message: `${commands.length} ${commands.length === 1 ? 'deployment' : 'deployments'} made sure of`,
      }
    },
    remove: async () => {
      deps.forgetCluster()
      return { changed: false, message: 'kept with the database' }
    },
  }
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
  commands: readonly ServiceCommand[],
  sleep: Sleep,
  context: ActionContext,
): Promise<void> {
  let open: readonly ServiceCommand[] = commands
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
