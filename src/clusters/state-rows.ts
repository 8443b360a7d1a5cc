import { AppError } from '../base/errors.ts'
import type { Db } from '../db/database.ts'
import { rootLock, versionUnknown } from './terraform-states.ts'

/** What the rows tell of a root's state without a key. Times in milliseconds. */
export interface StateRow {
  readonly root: string
  /** Counts the writes; 0: nothing was written yet. */
  readonly version: number
  readonly changedAt: number
  readonly lock?: StateLock
  /** Left out where an older program wrote the newest version. */
  readonly serial?: number
  readonly bytes?: number
  readonly addresses?: readonly string[]
}

export interface StateLock {
  /** Such as `step nodes of command 12 (root@host)`. */
  readonly holder: string
  readonly since?: number
  /** A task works on the root right now. Otherwise its run is dead, and the next one takes the lock over. */
  readonly alive: boolean
}

export interface VersionRow {
  readonly version: number
  readonly writtenAt: number
  readonly serial?: number
  readonly bytes?: number
  readonly addresses?: readonly string[]
}

/** By name. `now` decides whether a task's lease has ended. */
export async function listStates(db: Db, now: number): Promise<StateRow[]> {
  const rows = await stateQuery(db).orderBy('s.root').execute()
  return await Promise.all(rows.map(async (row) => await toState(db, row, now)))
}

/** `not-found` when there is no such root. */
export async function getState(db: Db, root: string, now: number): Promise<StateRow> {
  const row = await stateQuery(db).where('s.root', '=', root).executeTakeFirst()
  if (row !== undefined) return await toState(db, row, now)
  throw new AppError('not-found', 'state-unknown', `there is no Terraform root ${root} here: see cloudmgr state list`, {
    details: { field: 'root', value: root },
  })
}

/** The kept versions, newest first. */
export async function listVersions(db: Db, root: string): Promise<VersionRow[]> {
  return (await versionQuery(db, root).orderBy('version', 'desc').execute()).map(toVersion)
}

/** `not-found` when it is not kept. */
export async function getVersionRow(db: Db, root: string, version: number): Promise<VersionRow> {
  const row = await versionQuery(db, root).where('version', '=', version).executeTakeFirst()
  if (row === undefined) throw versionUnknown(root, version)
  return toVersion(row)
}

function stateQuery(db: Db) {
  return db
    .selectFrom('terraform_states as s')
    .leftJoin('terraform_state_versions as v', (join) =>
      join.onRef('v.root', '=', 's.root').onRef('v.version', '=', 's.version'),
    )
    .select(['s.root', 's.version', 's.updated_at', 's.lock_id', 's.lock_info', 's.locked_at'])
    .select(['v.serial', 'v.bytes', 'v.addresses'])
}

function versionQuery(db: Db, root: string) {
  const columns = ['version', 'created_at', 'serial', 'bytes', 'addresses'] as const
  return db.selectFrom('terraform_state_versions').select(columns).where('root', '=', root)
}

type Joined = NonNullable<Awaited<ReturnType<ReturnType<typeof stateQuery>['executeTakeFirst']>>>

async function toState(db: Db, row: Joined, now: number): Promise<StateRow> {
  const lock = lockOf(row, await liveTask(db, row.root, now))
  const changedAt = Number(row.updated_at)
  return { root: row.root, version: row.version, changedAt, ...(lock === undefined ? {} : { lock }), ...told(row) }
}

function toVersion(row: { version: number; created_at: number } & Told): VersionRow {
  return { version: row.version, writtenAt: Number(row.created_at), ...told(row) }
}

interface Told {
  readonly serial: number | null
  readonly bytes: number | null
  readonly addresses: string | null
}

function told({ serial, bytes, addresses }: Told): Pick<VersionRow, 'serial' | 'bytes' | 'addresses'> {
  if (serial === null || bytes === null || addresses === null) return {}
  return { serial: Number(serial), bytes: Number(bytes), addresses: JSON.parse(addresses) as string[] }
}

interface LiveTask {
  readonly step: string
  readonly command_id: number
  readonly taken_at: number
}

/** The task that has the engine's lock of the root, while its lease lasts. */
async function liveTask(db: Db, root: string, now: number): Promise<LiveTask | undefined> {
  return await db
    .selectFrom('locks as l')
    .innerJoin('tasks as t', (join) => join.onRef('t.id', '=', 'l.task_id').onRef('t.fencing', '=', 'l.fencing'))
    .select(['t.step', 't.command_id', 'l.taken_at'])
    .where('l.name', '=', rootLock(root))
    .where('t.state', '=', 'running')
    .where('t.lease_until', '>', now)
    .executeTakeFirst()
}

function lockOf({ lock_id, lock_info, locked_at }: Joined, task: LiveTask | undefined): StateLock | undefined {
  if (lock_id === null && task === undefined) return undefined
  const { Info = '', Who = '' } = JSON.parse(lock_info ?? '{}') as { Info?: string; Who?: string }
  const worker = task === undefined ? Info || 'a run of Terraform' : `step ${task.step} of command ${task.command_id}`
  const since = Number(locked_at ?? task?.taken_at ?? 0)
  return {
    holder: Who === '' ? worker : `${worker} (${Who})`,
    ...(since === 0 ? {} : { since }),
    alive: task !== undefined,
  }
}
