import { z } from 'zod'
import type { Helm } from '../adapters/helm/port.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { Action, ActionContext } from './action.ts'
import { waitForObjects } from './workloads.ts'

const input = z.strictObject({
  release: z.string().min(1),
  namespace: z.string().min(1),
  /** The revision that shall be back; what it had is looked at when this runs. */
  revision: z.number().int().positive(),
  timeoutSeconds: z.number().int().min(1).max(7200).default(900),
})

export type HelmRollbackInput = z.infer<typeof input>

export interface HelmRollbackParts {
  readonly helm: Helm
  readonly kubernetes: Kubernetes
  readonly clock: Clock
}

/** Goes back to a revision of a release, unless it is the present one, and waits until its workloads serve. */
export function helmRollback(parts: HelmRollbackParts): Action<HelmRollbackInput> {
  const { helm } = parts
  return {
    name: 'helm-rollback',
    input,
    locks: ({ namespace, release }) => [`helm:${namespace}/${release}`],
    observe: async ({ release, namespace, revision }) => {
      const record = await helm.find(release, namespace)
      if (record === undefined) return { state: 'absent' }
      if (record.revision === revision && record.status === 'deployed') return { state: 'present' }
      return { state: 'different', detail: `it is revision ${record.revision}, ${record.status}` }
    },
    ensure: async (wanted, context) => {
      const changed = await goBack(wanted, helm, context)
      const objects = await helm.objects(wanted.release, wanted.namespace)
      await waitForObjects(objects, wanted.timeoutSeconds * 1000, { ...parts, context })
      const message = changed
        ? `${wanted.release} is back at what revision ${wanted.revision} had`
        : 'already as wanted'
      return { changed, message }
    },
    // What it brought back belongs to the plan that brought it first.
    remove: async () => ({ changed: false, message: 'stays as it is' }),
  }
}

/** Whether there was something to do. */
async function goBack(
  { release, namespace, revision }: HelmRollbackInput,
  helm: Helm,
  context: ActionContext,
): Promise<boolean> {
  const run = { signal: context.signal, output: (line: string) => context.output(line) }
  const found = await helm.find(release, namespace)
  if (found?.status.startsWith('pending')) {
    context.output(`${release} in ${namespace} is ${found.status}, and nobody works on it: freeing it`)
    await helm.unlock(release, namespace, run)
  }
  const record = await helm.find(release, namespace)
  if (record === undefined) {
    const text = `${release} does not run in ${namespace}: there is nothing to go back to`
    throw new AppError('conflict', 'release-absent', text)
  }
  if (record.revision === revision && record.status === 'deployed') return false
  await helm.rollback(release, namespace, revision, run)
  return true
}
