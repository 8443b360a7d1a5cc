import { z } from 'zod'
import type { Action, ActionContext } from '../../actions/action.ts'
import type { Kubernetes, Manifest } from '../../adapters/kubernetes/port.ts'
import { AppError } from '../../base/errors.ts'
import { siteNamespaces } from '../components.ts'
import { inAll } from '../holdings.ts'
import { type DiskNotes, diskOf, diskText, type KeptDisk, reclaimNote } from '../kept-disks.ts'
import { siteLabel } from '../manifests.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  site: z.string().min(1),
  /** Names of the claims that are the site's own, with their sizes. */
  volumes: z.record(z.string(), z.number()),
  /** Of removals. `keep`: the disks outlive the cluster. `delete`: they go with their claims, as their class says. */
  data: z.enum(['keep', 'delete']).default('keep'),
})

type SiteDisksInput = z.infer<typeof input>

export interface SiteDisksDeps extends DiskNotes {
  readonly kubernetes: Kubernetes
  readonly sleep: Sleep
}

const LOOKS = 150
const PAUSE_MS = 2000

/**
 * Disks of the site's volumes where a storage class makes them and the cluster is the site's own: a removal keeps them at
 * the cloud, the next `up` takes them up again before anything claims new ones.
 */
export function siteDisksAction(deps: SiteDisksDeps): Action<SiteDisksInput> {
  const { kubernetes, lastDisks, keepDisks } = deps
  return {
    name: 'site-disks',
    input,
    locks: () => ['site-disks'],
    // What is kept is no rest of a removal; what is deleted, the claims' own step looks for.
    observe: async () => ({ state: 'absent' }),
    ensure: async (_, context) => {
      const disks = lastDisks()
      const missing: KeptDisk[] = []
      for (const disk of disks)
        if ((await kubernetes.find(refOfVolume(disk.volume.metadata.name))) === undefined) missing.push(disk)
      for (const { volume } of missing) await kubernetes.apply(volume)
      for (const disk of missing) context.output(`taken up again: ${diskText(disk)}`)
      const message = missing.length === 0 ? 'already as wanted' : `${missing.length} disks taken up again`
      return { changed: missing.length > 0, message }
    },
    remove: async (wanted, context) => {
      if (wanted.data === 'delete') return await handBack(wanted, deps)
      const found = await disksOf(wanted, kubernetes)
      for (const { volume } of found) await kubernetes.change(refOfVolume(volume.metadata.name), retained(volume))
      const others = lastDisks().filter(({ claim }) => found.every((one) => one.claim !== claim))
      keepDisks([...others, ...found])
      await untilDetached(found, deps, context)
      for (const disk of found) context.output(`kept: ${diskText(disk)}`)
      return { changed: found.length > 0, message: `kept: ${found.map(diskText).join(', ') || 'no disk'}` }
    },
  }
}

const refOfVolume = (name: string) => ({ apiVersion: 'v1', kind: 'PersistentVolume', name })

function retained({ metadata: { labels, annotations }, spec }: KeptDisk['volume']) {
  return {
    metadata: { labels, annotations },
    spec: { persistentVolumeReclaimPolicy: spec.persistentVolumeReclaimPolicy },
  }
}

async function disksOf({ site, volumes }: SiteDisksInput, kubernetes: Kubernetes): Promise<readonly KeptDisk[]> {
  const claims = await inAll(kubernetes, 'PersistentVolumeClaim', siteNamespaces)
  const own = claims.filter(({ metadata }) => Object.hasOwn(volumes, metadata.name))
  const names = own.flatMap(({ spec }) => (spec as { volumeName?: string } | undefined)?.volumeName ?? [])
  const found = await Promise.all(names.map(async (name) => await kubernetes.find(refOfVolume(name))))
  return found.flatMap((volume) => (volume === undefined ? [] : (diskOf(volume, site) ?? [])))
}

/** A machine that is destroyed with a disk at it may take that along. */
async function untilDetached(
  disks: readonly KeptDisk[],
  { kubernetes, sleep }: SiteDisksDeps,
  context: ActionContext,
): Promise<void> {
  const names = disks.map(({ volume }) => volume.metadata.name)
  for (let look = 1; ; look += 1) {
    const all = await kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'VolumeAttachment' })
    const left = all.map(volumeAt).filter((name) => names.includes(name))
    if (left.length === 0) return context.waiting(undefined)
    if (look === LOOKS)
      throw new AppError(
        'conflict',
        'disks-attached',
        `disks are still at their machines: ${left.join(', ')}; try again`,
      )
    context.waiting(`disks that are still at their machines: ${left.join(', ')}`)
    await sleep(PAUSE_MS, context.signal)
  }
}

function volumeAt({ spec }: Manifest): string {
  return (spec as { source?: { persistentVolumeName?: string } } | undefined)?.source?.persistentVolumeName ?? ''
}

/** What we kept from their class is that class's again. */
async function handBack({ site }: SiteDisksInput, { kubernetes }: SiteDisksDeps) {
  const volumes = await kubernetes.list(
    { apiVersion: 'v1', kind: 'PersistentVolume' },
    { labels: `${siteLabel}=${site}` },
  )
  const ours = volumes.filter(({ metadata }) => metadata.annotations?.[reclaimNote] !== undefined)
  for (const { metadata } of ours)
    await kubernetes.change(refOfVolume(metadata.name), {
      spec: { persistentVolumeReclaimPolicy: metadata.annotations?.[reclaimNote] },
    })
  return { changed: ours.length > 0, message: `${ours.length} disks go with their claims` }
}
