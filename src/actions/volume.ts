import { z } from 'zod'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import { rootLock } from '../clusters/terraform-states.ts'
import { claimOf, rootOfVolume, volumeName } from '../clusters/volume.ts'
import type { Action, ActionContext, Outcome } from './action.ts'
import { ordersFrom, type PoolProvider } from './engine-root.ts'
import { thingOf } from './kubernetes-apply.ts'
import {
  compared,
  ordered,
  persistentVolume,
  removeBehind,
  told,
  type VolumeParts,
  withoutClaim,
} from './volume-parts.ts'

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
  /** Storage class; the site's, else the cluster's default, when left out. */
  class: z.string().min(1).optional(),
  timeoutSeconds: z.number().int().min(1).max(7200).default(600),
})

export type VolumeInput = z.infer<typeof input>

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
      ...(cloud === undefined ? [] : [rootLock(rootOfVolume(volumeName(wanted)))]),
    ],
    // What is behind the claim is told also where nothing can be ordered of the cloud just then: it may be there.
    things: (wanted) => [
      thingOf(claimOf(wanted)),
      { system: 'kubernetes', kind: 'v1/PersistentVolume', name: volumeName(wanted) },
      { system: 'terraform', kind: 'root', name: rootOfVolume(volumeName(wanted)) },
    ],
    observe: async (wanted, context) => {
      if (cloud === undefined) return { state: await compared(kubernetes, claimOf(await withClass(wanted, parts))) }
      return await ordered(parts, cloud, wanted, context).observe()
    },
    ensure: async (wanted, context) => {
      checkClass(wanted, cloud)
      await checkGrowth(kubernetes, wanted)
      if (cloud !== undefined) return await ordered(parts, cloud, wanted, context).ensure()
      const applied = await kubernetes.apply(claimOf(await withClass(wanted, parts)))
      return told(applied === 'unchanged' ? [] : [`${applied} ${describeRef(refOf(claimOf(wanted)))}`])
    },
    remove: async (wanted, context) => {
      const done = await withoutClaim(kubernetes, refOf(claimOf(wanted)), wanted, context)
      if (cloud !== undefined) done.push(...(await removeBehind(parts, cloud, volumeName(wanted), wanted, context)))
      return toldRemoved(done)
    },
  }
}

/** Takes away a volume that was ordered of the cloud, by its own name: its PersistentVolume tells whose claim it was. */
export async function removeOrderedVolume(parts: VolumeParts, name: string, context: ActionContext): Promise<Outcome> {
  const cloud = ordersFrom(parts.provider)
  const waits = { timeoutSeconds: 600 }
  const behind = await parts.kubernetes.find(persistentVolume(name))
  const { claimRef } = (behind?.['spec'] ?? {}) as { claimRef?: { namespace: string; name: string } }
  const done: string[] = []
  if (claimRef !== undefined) {
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      namespace: claimRef.namespace,
      name: claimRef.name,
    }
    done.push(...(await withoutClaim(parts.kubernetes, claim, waits, context)))
  }
  return toldRemoved([...done, ...(await removeBehind(parts, cloud, name, waits, context))])
}

function toldRemoved(done: readonly string[]): Outcome {
  return done.length === 0 ? { changed: false, message: 'already absent' } : told(done)
}

/** A claim keeps the class that it was made with: Kubernetes changes none. */
async function withClass(wanted: VolumeInput, { kubernetes, usualClass }: VolumeParts): Promise<VolumeInput> {
  if (wanted.class !== undefined || usualClass === undefined) return wanted
  const found = await kubernetes.find(refOf(claimOf(wanted)))
  const made = (found?.['spec'] as { storageClassName?: string } | undefined)?.storageClassName
  return found === undefined || made === usualClass ? { ...wanted, class: usualClass } : wanted
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
