import type { StateRow, VersionRow } from '../clusters/state-rows.ts'
import { AppError, explain } from '../base/errors.ts'
import type { Journal } from '../site/journal.ts'
import { type KeptRoots, outsideRoots } from '../site/kept-roots.ts'
import { stateEnv } from '../site/secrets.ts'
import { lockedElsewhere, lockFolder, releaseElsewhere } from '../site/lock.ts'
import type { ServiceApi } from '../site/service-api.ts'
import type { FollowedCommand } from './command.ts'
import { type GlobalOptions, type Io, openSite } from './io.ts'
import { connect, isElsewhere } from './service.ts'

/** A version of a root's state, as both places tell it. */
export interface ShownVersion {
  readonly version: number
  readonly writtenAt: string
  readonly serial?: number
  readonly bytes?: number
  readonly resources?: number
  readonly addresses?: readonly string[]
}

export interface ShownState extends Omit<ShownVersion, 'writtenAt'> {
  readonly root: string
  /** `site`: a root of the site itself. `service`: of something that was ordered. */
  readonly place: 'site' | 'service'
  /** Left out while nothing was written. */
  readonly changedAt?: string
  readonly lock?: { readonly holder: string; readonly since?: string; readonly alive: boolean }
  /** A readable file of a version of before. */
  readonly plain?: true
  /** Name of a backend of Terraform's own that keeps it. */
  readonly outside?: string
}

/** Where states are kept. */
export interface StatePlace {
  list(): Promise<readonly ShownState[]>
  show(root: string): Promise<ShownState>
  /** Newest first. */
  versions(root: string): Promise<readonly ShownVersion[]>
  version(root: string, version: number): Promise<ShownVersion>
  /** `present`: the newest version that the caller has seen. Answers with what was done. */
  restore(root: string, version: number, present: number): Promise<Change>
  /** Who has the root's lock where that can't be told from here. */
  doubtful(): string | undefined
  unlock(root: string): Promise<Change>
}

export type Change =
  | { readonly command: number }
  /** Left out: there was nothing to do. */
  | { readonly serial?: number | undefined }
  | { readonly unlocked: boolean }

/** Works with the place that the options name and that has the root; the site's own come first. */
export async function withPlaceOf<T>(
  root: string,
  options: GlobalOptions,
  io: Io,
  work: (place: StatePlace) => Promise<T>,
): Promise<T> {
  if (!isElsewhere(options)) {
    const found = await withSite(options, io, async (journal, place) => {
      if ((await journal.states.find(root)) === undefined) return undefined
      return { done: await work(place) }
    })
    if (found !== undefined) return found.done
  }
  return await work(atService((await connect(options, io)).api))
}

/** All states that can be told; what could not be asked is a note. */
export async function listPlaces(
  options: GlobalOptions,
  io: Io,
): Promise<{ states: readonly ShownState[]; note?: string }> {
  const service = async () => await atService((await connect(options, io)).api).list()
  if (isElsewhere(options)) return { states: await service() }
  const own = await withSite(options, io, async (_, place) => await place.list())
  try {
    return { states: [...own, ...(await service())] }
  } catch (error) {
    // A site that is down has its own states all the same.
    if (!(error instanceof AppError)) throw error
    return { states: own, note: `states of ordered nodes and volumes are not listed: ${explain(error)}` }
  }
}

async function withSite<T>(
  options: GlobalOptions,
  io: Io,
  work: (journal: Journal, place: StatePlace) => Promise<T>,
): Promise<T> {
  const { site, paths } = openSite(options)
  const operator = await io.operator()
  const journal = await operator.openJournal(site, paths)
  const outside = outsideRoots(operator.terraform(paths), paths, stateEnv(paths.folder))
  try {
    return await work(journal, atSite(journal, paths.folder, outside))
  } finally {
    await journal.close()
  }
}

function atSite({ states }: Journal, folder: string, outside: KeptRoots): StatePlace {
  const held = async <T>(work: () => Promise<T>): Promise<T> => {
    const unlock = lockFolder(folder)
    try {
      return await work()
    } finally {
      unlock()
    }
  }
  return {
    list: async () => (await states.list()).map(siteState),
    show: async (root) => {
      const found = await states.find(root)
      if (found?.outside !== undefined) return siteState({ ...found, addresses: await outside.addresses(root) })
      if (found !== undefined) return siteState(found)
      throw new AppError('not-found', 'state-unknown', `there is no Terraform root ${root} here`)
    },
    versions: async (root) => (await states.versions(root)).map(siteVersion),
    version: async (root, version) => siteVersion(await states.version(root, version)),
    restore: (root, version, present) => held(async () => ({ serial: await states.restore(root, version, present) })),
    doubtful: () => lockedElsewhere(folder),
    unlock: async (root) => {
      const kept = await states.find(root)
      // It refuses, before anybody's lock is touched.
      if (kept?.outside !== undefined) return { unlocked: await states.unlock(root) }
      const isDoubtful = lockedElsewhere(folder) !== undefined
      releaseElsewhere(folder)
      return await held(async () => ({ unlocked: (await states.unlock(root)) || isDoubtful }))
    },
  }
}

function siteState({ changedAt, lock, addresses, ...state }: StateRow): ShownState {
  const since = lock?.since === undefined ? {} : { since: time(lock.since) }
  return {
    place: 'site',
    ...state,
    ...(changedAt === 0 ? {} : { changedAt: time(changedAt) }),
    ...(addresses === undefined ? {} : { resources: addresses.length, addresses }),
    ...(lock === undefined ? {} : { lock: { holder: lock.holder, ...since, alive: lock.alive } }),
  }
}

function siteVersion({ writtenAt, addresses, ...version }: VersionRow): ShownVersion {
  const told = addresses === undefined ? {} : { resources: addresses.length, addresses }
  return { ...version, writtenAt: time(writtenAt), ...told }
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

function atService(api: ServiceApi): StatePlace {
  const path = (root: string, rest = '') => `/api/v2/states/${encodeURIComponent(root)}${rest}`
  const shown = (state: Omit<ShownState, 'place'>): ShownState => ({ ...state, place: 'service' })
  const show = async (root: string) =>
    await api.call<Omit<ShownState, 'place'> & { versions: readonly ShownVersion[] }>({ path: path(root) })
  return {
    list: async () => (await api.call<{ states: readonly ShownState[] }>({ path: '/api/v2/states' })).states.map(shown),
    show: async (root) => {
      const { versions: _, ...state } = await show(root)
      return shown(state)
    },
    versions: async (root) => (await show(root)).versions,
    version: async (root, version) => await api.call({ path: path(root, `/versions/${version}`) }),
    // The service notes itself what is the newest.
    restore: async (root, version) => {
      const call = { method: 'POST', path: path(root, '/restore'), body: { version } } as const
      return { command: (await api.call<FollowedCommand>(call)).id }
    },
    doubtful: () => undefined,
    unlock: async (root) => {
      const call = { method: 'POST', path: path(root, '/unlock'), body: {} } as const
      return { command: (await api.call<FollowedCommand>(call)).id }
    },
  }
}
