import { join } from 'node:path'
import { z } from 'zod'
import type { Kubernetes, Manifest, ObjectRef } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import { volumeRoot } from '../clusters/root.ts'
import { rootLock } from '../clusters/terraform-states.ts'
import { type AccountVolume, claimOf, persistentVolumeOf, volumeName } from '../clusters/volume.ts'
import type { Action, ActionContext, Observation } from './action.ts'
import { type EngineRoots, type PoolProvider, withEngineRoot } from './engine-root.ts'
import { type TerraformApplyInput, terraformApply } from './terraform-apply.ts'

const kubernetesName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'up to 63 lower-case letters, digits and hyphens')

const input = z.strictObject({
  account: z.string().regex(/^[a-z][a-z0-9-]{1,60}$/),
  namespace: kubernetesName,
  /** Of the claim. */
  name: kubernetesName,
  /** Whole GiB; it grows, and never shrinks. A removal may say 0: its size is that of what is there. */
  sizeGb: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .transform((size) => Math.max(size, 1)),
  access: z.enum(['ReadWriteOnce', 'ReadWriteMany']).default('ReadWriteOnce'),
  /** Storage class; the cluster's default when left out. */
  class: z.string().min(1).optional(),
  timeoutSeconds: z.number().int().min(1).max(7200).default(600),
})

export type VolumeInput = z.infer<typeof input>

export interface VolumeParts extends EngineRoots {
  readonly kubernetes: Kubernetes
}

/**
 * A volume of an account: a claim that a storage class fills, or one in front of a volume that is ordered of the cloud
 * through Terraform. Its removal deletes the data, once nobody mounts it any more.
 */
export function volume(parts: VolumeParts): Action<VolumeInput> {
  const { kubernetes } = parts
  const cloud = parts.provider?.provider.volumes === undefined ? undefined : parts.provider
  return {
    name: 'volume',
    input,
    locks: (wanted) => [
      `kubernetes:PersistentVolumeClaim ${wanted.namespace}/${wanted.name}`,
      ...(cloud === undefined ? [] : [rootLock(rootOf(wanted))]),
    ],
    observe: async (wanted, context) => {
      if (cloud === undefined) return { state: await compared(kubernetes, claimOf(wanted)) }
      return await ordered(parts, cloud, wanted, context).observe()
    },
    ensure: async (wanted, context) => {
      checkClass(wanted, cloud)
      await checkGrowth(kubernetes, wanted)
      if (cloud !== undefined) return await ordered(parts, cloud, wanted, context).ensure()
      const applied = await kubernetes.apply(claimOf(wanted))
      return told(applied === 'unchanged' ? [] : [`${applied} ${describeRef(refOf(claimOf(wanted)))}`])
    },
    remove: async (wanted, context) => {
      const done = (await removed(kubernetes, refOf(claimOf(wanted)), wanted, context)) ? ['its claim is deleted'] : []
      if (cloud !== undefined) done.push(...(await ordered(parts, cloud, wanted, context).remove()))
      return done.length === 0 ? { changed: false, message: 'already absent' } : told(done)
    },
  }
}

/** A volume of the cloud: the root, the PersistentVolume in front of it, and the claim. */
function ordered(parts: VolumeParts, cloud: PoolProvider, given: VolumeInput, context: ActionContext) {
  const { kubernetes, terraform, folder } = parts
  const inner = terraformApply({ terraform, roots: (root) => join(folder, root) })
  const wanted: AccountVolume = { ...given, class: cloud.provider.volumes?.class }
  const name = volumeName(wanted)
  const withRoot = <T>(work: (root: TerraformApplyInput) => Promise<T>): Promise<T> =>
    withEngineRoot(
      parts,
      rootOf(wanted),
      cloud,
      (site) => volumeRoot(site, name, wanted.sizeGb),
      context,
      async (root) => await work({ ...root, outputs: ['paths'] }),
    )
  const objects = (path: string): Manifest[] => [persistentVolumeOf(wanted, path), claimOf(wanted, { isStatic: true })]

  return {
    observe: async (): Promise<Observation> => {
      const { behind, path } = await withRoot(async (root) => ({
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
      const made = await withRoot((root) => inner.ensure(root, context))
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
    remove: async (): Promise<string[]> => {
      const ref = refOf(persistentVolumeOf(wanted, '/'))
      const done = (await removed(kubernetes, ref, given, context)) ? ['its PersistentVolume is deleted'] : []
      const outcome = await withRoot((root) => inner.remove(root, context))
      return outcome.changed ? [...done, `volume ${name} is deleted with its data`] : done
    },
  }
}

function rootOf(wanted: Pick<VolumeInput, 'account' | 'name'>): string {
  return `volume-${volumeName(wanted)}`
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

function checkClass({ class: name }: VolumeInput, cloud: PoolProvider | undefined): void {
  if (name === undefined || cloud === undefined) return
  const text = `class ${JSON.stringify(name)}: volumes of ${cloud.provider.title.toLowerCase()} have no storage class to choose; leave it out`
  throw new AppError('invalid', 'storage-class-unknown', text, { details: { field: 'class', value: name } })
}

/** Told before anything is touched: Kubernetes would refuse it in the middle. */
async function checkGrowth(kubernetes: Kubernetes, wanted: VolumeInput): Promise<void> {
  const found = await kubernetes.find(refOf(claimOf(wanted)))
  const spec = found?.['spec'] as { resources?: { requests?: { storage?: string } } } | undefined
  const [, before] = /^(\d+)Gi$/.exec(spec?.resources?.requests?.storage ?? '') ?? []
  if (before === undefined || Number(before) <= wanted.sizeGb) return
  const text = `volume ${wanted.name} has ${before} GiB and never shrinks: ${wanted.sizeGb} GiB is too small, ${before} or more is right`
  throw new AppError('conflict', 'volume-shrinks', text, { details: { field: 'size', value: wanted.sizeGb } })
}

async function compared(kubernetes: Kubernetes, object: Manifest): Promise<'absent' | 'present' | 'different'> {
  try {
    return await kubernetes.compare(object)
  } catch (error) {
    // What lies in a namespace that is gone is gone.
    if (error instanceof AppError && error.kind === 'not-found') return 'absent'
    throw error
  }
}

async function removed(
  kubernetes: Kubernetes,
  ref: ObjectRef,
  { timeoutSeconds }: VolumeInput,
  context: ActionContext,
): Promise<boolean> {
  const options = { signal: context.signal, timeoutMs: timeoutSeconds * 1000 }
  const users = ref.kind === 'PersistentVolumeClaim' ? await podsWith(kubernetes, ref) : []
  const why = `its data goes when nobody mounts it any more: ${users.join(', ')} does`
  if (users.length > 0) context.waiting(why)
  const onWaiting = (reason: string) => context.waiting(users.length > 0 ? why : reason)
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

function told(done: readonly string[]) {
  return done.length === 0
    ? { changed: false, message: 'already as wanted' }
    : { changed: true, message: done.join(', ') }
}
