import { join } from 'node:path'
import type { Kubernetes, Manifest, ObjectRef } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import { type PoolSite, volumeRoot } from '../clusters/root.ts'
import { type AccountVolume, claimOf, persistentVolumeOf, rootOfVolume, volumeName } from '../clusters/volume.ts'
import type { Action, ActionContext, Observation } from './action.ts'
import { type EngineRoots, type PoolProvider, withEngineRoot } from './engine-root.ts'
import { type TerraformApplyInput, terraformApply } from './terraform-apply.ts'

export interface VolumeParts extends EngineRoots {
  /** Storage class of claims that name none; the cluster's default when left out. */
  readonly usualClass?: string | undefined
  readonly kubernetes: Kubernetes
}

interface Waits {
  readonly timeoutSeconds: number
}

/** A volume of the cloud: the root, the PersistentVolume in front of it, and the claim. */
export function ordered(parts: VolumeParts, cloud: PoolProvider, given: AccountVolume, context: ActionContext) {
  const { kubernetes, terraform, folder } = parts
  const wanted: AccountVolume = { ...given, class: cloud.provider.volumes?.class }
  const name = volumeName(wanted)
  const withRoot = <T>(work: (inner: Action<TerraformApplyInput>, root: TerraformApplyInput) => Promise<T>) =>
    withVolumeRoot(parts, cloud, { name, sizeGb: wanted.sizeGb }, context, work)
  const objects = (path: string): Manifest[] => [persistentVolumeOf(wanted, path), claimOf(wanted, { isStatic: true })]

  return {
    observe: async (): Promise<Observation> => {
      const { behind, path } = await withRoot(async (inner, root) => ({
        behind: await inner.observe(root, context),
        path: pathOf(await terraform.outputs(join(folder, root.root), { env: root.env, signal: context.signal }), name),
      }))
      const states: Observation[] = [behind]
      for (const object of objects(path ?? '/')) states.push({ state: await compared(kubernetes, object) })
      if (states.every(({ state }) => state === 'absent')) return { state: 'absent' }
      if (states.every(({ state }) => state === 'present')) return { state: 'present' }
      const [cloudState, volumeState, claimState] = states.map(({ state }) => state)
      return {
        state: 'different',
        detail: `the cloud's volume ${name} is ${cloudState}, its PersistentVolume ${volumeState}, the claim ${claimState}`,
      }
    },
    ensure: async () => {
      const made = await withRoot((inner, root) => inner.ensure(root, context))
      const path = pathOf(made.outputs ?? {}, name)
      if (path === undefined)
        throw new AppError('unavailable', 'volume-path-missing', `the cloud does not say where volume ${name} lies`)
      const done = made.changed ? [made.message] : []
      await freeReleased(kubernetes, refOf(persistentVolumeOf(wanted, path)), context)
      for (const object of objects(path)) {
        const applied = await kubernetes.apply(object)
        if (applied !== 'unchanged') done.push(`${applied} ${describeRef(refOf(object))}`)
      }
      return told(done)
    },
  }
}

/** What is behind the claim: the PersistentVolume, then the cloud's volume. */
export async function removeBehind(
  parts: VolumeParts,
  cloud: PoolProvider,
  name: string,
  given: Waits,
  context: ActionContext,
): Promise<string[]> {
  const isDeleted = await removed(parts.kubernetes, persistentVolume(name), given, context)
  const outcome = await withVolumeRoot(parts, cloud, { name, sizeGb: 1 }, context, async (inner, root) =>
    inner.remove(root, context),
  )
  return [
    ...(isDeleted ? ['its PersistentVolume is deleted'] : []),
    ...(outcome.changed ? [`volume ${name} is deleted with its data`] : []),
  ]
}

/** Works with the root that orders a volume of the cloud. */
async function withVolumeRoot<T>(
  parts: VolumeParts,
  cloud: PoolProvider,
  { name, sizeGb }: { readonly name: string; readonly sizeGb: number },
  context: ActionContext,
  work: (inner: Action<TerraformApplyInput>, root: TerraformApplyInput) => Promise<T>,
): Promise<T> {
  const inner = terraformApply({ terraform: parts.terraform, roots: (root) => join(parts.folder, root) })
  const made = (site: PoolSite) => volumeRoot(site, name, sizeGb)
  return await withEngineRoot(parts, rootOfVolume(name), cloud, made, context, async (root) =>
    work(inner, { ...root, outputs: ['paths'] }),
  )
}

export function persistentVolume(name: string): ObjectRef {
  return { apiVersion: 'v1', kind: 'PersistentVolume', name }
}

function pathOf(outputs: Readonly<Record<string, unknown>>, name: string): string | undefined {
  return (outputs['paths'] as Readonly<Record<string, string>> | undefined)?.[name]
}

/** A claim that was deleted holds its PersistentVolume for ever: made anew, it takes the next claim. */
async function freeReleased(kubernetes: Kubernetes, ref: ObjectRef, context: ActionContext): Promise<void> {
  const found = await kubernetes.find(ref)
  const phase = (found?.['status'] as { phase?: string } | undefined)?.phase
  if (phase !== 'Released' && phase !== 'Failed') return
  context.output(`${describeRef(ref)} is ${phase}: made anew, its data stays`)
  await kubernetes.delete(ref, { signal: context.signal })
}

export async function compared(kubernetes: Kubernetes, object: Manifest): Promise<'absent' | 'present' | 'different'> {
  try {
    return await kubernetes.compare(object)
  } catch (error) {
    // What lies in a namespace that is gone is gone.
    if (error instanceof AppError && error.kind === 'not-found') return 'absent'
    throw error
  }
}

export async function withoutClaim(
  kubernetes: Kubernetes,
  claim: ObjectRef,
  given: Waits,
  context: ActionContext,
): Promise<string[]> {
  return (await removed(kubernetes, claim, given, context)) ? ['its claim is deleted'] : []
}

async function removed(
  kubernetes: Kubernetes,
  ref: ObjectRef,
  { timeoutSeconds }: Waits,
  context: ActionContext,
): Promise<boolean> {
  const options = { signal: context.signal, timeoutMs: timeoutSeconds * 1000 }
  const users = ref.kind === 'PersistentVolumeClaim' ? await podsWith(kubernetes, ref) : []
  const why = `its data goes when nobody mounts it any more: ${users.join(', ')} does`
  if (users.length > 0) context.waiting(why)
  const onWaiting = (reason: string) => context.waiting(users.length > 0 ? why : reason, { idle: true })
  const gone = await kubernetes.delete(ref, { ...options, onWaiting })
  context.waiting(undefined)
  return gone
}

async function podsWith(kubernetes: Kubernetes, { namespace, name }: ObjectRef): Promise<string[]> {
  const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace })
  const mounts = (pod: Manifest) =>
    (pod['spec'] as { volumes?: { persistentVolumeClaim?: { claimName?: string } }[] } | undefined)?.volumes ?? []
  return pods
    .filter((pod) => mounts(pod).some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name))
    .map(({ metadata }) => metadata.name)
}

export function told(done: readonly string[]) {
  return done.length === 0
    ? { changed: false, message: 'already as wanted' }
    : { changed: true, message: done.join(', ') }
}
