import type { Helm } from '../adapters/helm/port.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Db } from '../db/database.ts'
import { findCluster, openAccess } from './cluster-rows.ts'

/** What actions work on in a cluster. */
export interface Door {
  readonly kubernetes: Kubernetes
  readonly helm: Helm
}

/** The ways into the clusters beside the site's own. */
export interface Doors {
  /** Undefined when there is no such cluster; `unavailable` while it is being made or removed. */
  open(name: string): Promise<Door | undefined>
  /** Into those that serve, by name. */
  all(): Promise<ReadonlyMap<string, Door>>
}

export interface DoorsParts {
  readonly db: Db
  /** Of the engine. */
  readonly keys: KeyRing
  /** Makes what works on a cluster with this kubeconfig. */
  readonly enter: (name: string, kubeconfig: string) => Door
}

export function createDoors({ db, keys, enter }: DoorsParts): Doors {
  const all = entered(() => openAccess(db, keys, 'kubeconfig'), enter)
  return {
    all,
    open: async (name) => {
      const door = (await all()).get(name)
      if (door !== undefined) return door
      const row = await findCluster(db, name)
      if (row === undefined) return undefined
      const what = row.state === 'removing' ? 'is being removed' : 'is not ready yet'
      throw new AppError('unavailable', 'cluster-not-ready', `cluster ${name} ${what}`)
    },
  }
}

/** What was made of a kubeconfig is kept until the kubeconfig is another one. */
export function entered<Inside>(
  read: () => Promise<ReadonlyMap<string, string>>,
  enter: (name: string, kubeconfig: string) => Inside,
): () => Promise<ReadonlyMap<string, Inside>> {
  let kept = new Map<string, { readonly kubeconfig: string; readonly inside: Inside }>()
  return async () => {
    const present = await read()
    kept = new Map(
      [...present].map(([name, kubeconfig]) => {
        const before = kept.get(name)
        return [name, before?.kubeconfig === kubeconfig ? before : { kubeconfig, inside: enter(name, kubeconfig) }]
      }),
    )
    return new Map([...kept].map(([name, { inside }]) => [name, inside]))
  }
}

/** Whether its API server does, just now. */
export async function answers(kubernetes: Kubernetes): Promise<boolean> {
  try {
    await kubernetes.version()
    return true
  } catch (error) {
    if (error instanceof AppError && error.kind === 'unavailable') return false
    throw error
  }
}

const gone = (): never => {
  throw new AppError('not-found', 'cluster-unknown', 'there is no such cluster any more')
}

/** A cluster that is gone, with all that was in it. */
export const nothingThere: Door = {
  kubernetes: {
    find: async () => undefined,
    list: async () => [],
    compare: async () => 'absent',
    delete: async () => false,
    evict: async () => true,
    readiness: async () => ({ state: 'waiting', reason: 'it does not exist' }),
    podLogs: async () => '',
    isAllowed: async () => false,
    apply: async () => gone(),
    change: async () => gone(),
    version: async () => gone(),
    serviceToken: async () => gone(),
  },
  helm: {
    find: async () => undefined,
    list: async () => [],
    uninstall: async () => false,
    objects: async () => [],
    fingerprint: async () => '',
    upgrade: async () => gone(),
    unlock: async () => gone(),
    rollback: async () => gone(),
    pull: async () => gone(),
  },
}
