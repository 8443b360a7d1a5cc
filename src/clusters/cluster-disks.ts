import { type Kubernetes, type Manifest, type ObjectRef, refOf } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { Running } from './cluster-maker.ts'
import { answers } from './doors.ts'

/** How long a cluster that is to go may be silent before it counts as lost. */
const SILENT_MS = 60_000
/** How long a cloud may take to delete disks. */
const DISKS_MS = 600_000
const PAUSE_MS = 2000
/** Label of accounts' namespaces. */
const ACCOUNT = 'omegaml.io/account'

export interface DisksOf {
  /** In words, for people. */
  readonly cloud: string
  /** CSI driver that makes them; left out: whichever. */
  readonly driver?: string
  /** How what is left of a cluster that does not answer is found at its cloud. */
  readonly clue: string
}

/** Disks that a CSI driver made are in no Terraform state: they go with their claims, while there is a cluster. */
export async function removeDisks(
  { cloud, driver, clue }: DisksOf,
  kubernetes: Kubernetes,
  clock: Clock,
  running: Running,
): Promise<void> {
  if (!(await answersInTime(kubernetes, clock, running))) {
    running.output(`the cluster does not answer: disks of its claims are still at ${cloud} if there were any (${clue})`)
    return
  }
  const own = async () =>
    (await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolume' })).filter((one) => isDisk(one, driver))
  const volumes = await own()
  if (volumes.length === 0) return
  for (const { apiVersion, kind, metadata } of volumes) {
    const deleting = { spec: { persistentVolumeReclaimPolicy: 'Delete' } }
    await kubernetes.change({ apiVersion, kind, name: metadata.name }, deleting)
  }
  // Whoever mounts a volume keeps its claim: pods and claims of accounts go with their namespaces.
  const options = { signal: running.signal, timeoutMs: DISKS_MS, onWaiting: running.waiting }
  const accounts = await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' }, { labels: ACCOUNT })
  const claims = volumes.flatMap(({ spec }) => (spec as { claimRef?: ObjectRef }).claimRef ?? [])
  await Promise.all([
    ...accounts.map(async (one) => await kubernetes.delete(refOf(one), options)),
    ...claims.map(async ({ namespace, name }) => await kubernetes.delete({ ...claimKind, namespace, name }, options)),
  ])
  await untilGone(cloud, async () => (await own()).map(({ metadata }) => metadata.name), clock, running)
}

const claimKind = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' }

function isDisk({ spec }: Manifest, driver: string | undefined): boolean {
  const { csi } = (spec ?? {}) as { csi?: { driver?: string } }
  return csi !== undefined && (driver === undefined || csi.driver === driver)
}

async function answersInTime(kubernetes: Kubernetes, clock: Clock, { signal, waiting }: Running): Promise<boolean> {
  for (const end = clock.now() + SILENT_MS; clock.now() < end; await clock.sleep(PAUSE_MS, signal)) {
    if (await isThere(kubernetes)) return true
    waiting('the cluster to answer')
  }
  return false
}

/** A Rancher says of a cluster that is gone that there is none, or that nobody may go there. */
async function isThere(kubernetes: Kubernetes): Promise<boolean> {
  try {
    return await answers(kubernetes)
  } catch (error) {
    if (error instanceof AppError && (error.kind === 'not-found' || error.kind === 'forbidden')) return false
    throw error
  }
}

async function untilGone(
  cloud: string,
  left: () => Promise<string[]>,
  clock: Clock,
  { signal, waiting }: Running,
): Promise<void> {
  const end = clock.now() + DISKS_MS
  for (let names = await left(); names.length > 0; names = await left()) {
    if (clock.now() >= end)
      throw new AppError('unavailable', 'still-there', `volumes of the cluster are still there: ${names.join(', ')}`)
    waiting(`${cloud} to delete ${names.join(', ')}`)
    await clock.sleep(PAUSE_MS, signal)
  }
  waiting(undefined)
}
