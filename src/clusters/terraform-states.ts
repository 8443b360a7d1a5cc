import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Db, Row, Tx } from '../db/database.ts'
import { makeDurable } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import { restoredState, type StateSummary, summaryOf } from './terraform-state.ts'

/** Earlier states that are kept of each root. */
const KEPT_VERSIONS = 20

/** The running task that works on a root: whoever claimed the task since has a higher `fencing`. */
export interface StateUser {
  readonly root: string
  readonly task: number
  readonly fencing: number
  /** The task in words, for whoever finds the root locked. */
  readonly holder?: string | undefined
}

export interface Restorer {
  readonly present: number
  readonly user?: StateUser | undefined
}

export interface StateStore {
  /** The state as Terraform wrote it; undefined when there is none. */
  read(root: string): Promise<string | undefined>
  /** Keeps it as the newest version. `conflict` when the lock is not `lockId`'s. */
  write(root: string, state: string, lockId: string | undefined): Promise<void>
  /**
   * Gives the lock to the root's present user, also when a run that was killed still has it: two tasks never work on one
   * root, so whoever holds the engine's lock of the root is right. Returns what the holder said when the user is not.
   */
  lock(user: StateUser, lockId: string, info: string): Promise<string | undefined>
  unlock(root: string, lockId: string): Promise<void>
  /**
   * Writes an earlier version as the newest, for a user that has the engine's lock of the root, or for a caller beside
   * whom nobody works on any. Undefined when the newest says the same. `conflict` while Terraform's lock is held, or
   * when the newest is no longer version `present`.
   */
  restore(root: string, version: number, by: Restorer): Promise<StateSummary | undefined>
  /** Takes away Terraform's lock, whoever has it; false when nobody has. The same callers as of `restore`. */
  release(root: string, user?: StateUser): Promise<boolean>
  /** Roots whose state holds resources. */
  filledRoots(): Promise<readonly string[]>
}

/** Name of the engine's lock that a task holds while it works on a root. */
export function rootLock(root: string): string {
  return `terraform:${root}`
}

export function createStateStore(db: Db, keys: KeyRing, now: () => number): StateStore {
  const context = (root: string): string => `terraform state of ${root}`
  const change = <T>(root: string, work: (tx: Tx, row: Row<'terraform_states'>) => Promise<T>): Promise<T> =>
    inTransaction(db, async (tx) => await work(tx, await ownRow(tx, root, now())))

  return {
    read: async (root) => {
      const row = await db.selectFrom('terraform_states').selectAll().where('root', '=', root).executeTakeFirst()
      return row?.state == null ? undefined : keys.open(row.state, context(root))
    },
    write: async (root, state, lockId) => {
      const summary = summaryOf(state)
      const sealed = keys.seal(state, context(root))
      await change(root, async (tx, row) => {
        // Also when nobody holds it any more: whoever took it over may have finished in between.
        if (row.lock_id !== (lockId ?? null)) throw lockLost(root)
        await append(tx, row, sealed, summary, now())
      })
      // Terraform forgets it once we say that it is kept.
      await makeDurable(db)
    },
    restore: (root, version, { present, user }) =>
      change(root, async (tx, row) => {
        await mustBeUser(tx, root, user)
        if (row.lock_id !== null) throw stillLocked(root)
        const old = await getVersion(tx, root, version)
        if (row.state === null) throw versionUnknown(root, version)
        const state = restoredState(root, keys.open(old, context(root)), keys.open(row.state, context(root)))
        if (state === undefined) return undefined
        if (row.version !== present) throw stateMoved(root, present, row.version)
        const summary = summaryOf(state)
        await append(tx, row, keys.seal(state, context(root)), summary, now())
        return summary
      }),
    release: (root, user) =>
      inTransaction(db, async (tx) => {
        await mustBeUser(tx, root, user)
        const held = tx.updateTable('terraform_states').set(free).where('root', '=', root)
        const { numUpdatedRows } = await held.where('lock_id', 'is not', null).executeTakeFirst()
        return numUpdatedRows > 0n
      }),
    lock: (user, lockId, info) =>
      change(user.root, async (tx, row) => {
        if (!(await isUser(tx, user))) return row.lock_info ?? '{}'
        const taken = { lock_id: lockId, lock_info: info, locked_at: now() }
        await tx.updateTable('terraform_states').set(taken).where('id', '=', row.id).execute()
        return undefined
      }),
    filledRoots: async () => {
      const rows = await db.selectFrom('terraform_states').select(['root', 'state']).orderBy('root').execute()
      return rows
        .filter(({ root, state }) => state !== null && holdsResources(keys.open(state, context(root))))
        .map(({ root }) => root)
    },
    unlock: async (root, lockId) => {
      const held = db.updateTable('terraform_states').set(free).where('root', '=', root)
      await held.where('lock_id', '=', lockId).execute()
    },
  }
}

const free = { lock_id: null, lock_info: null, locked_at: null } as const

/** The newest version, and away with the oldest. */
async function append(
  tx: Tx,
  { id, root, version: before }: Row<'terraform_states'>,
  state: string,
  { serial, bytes, addresses }: StateSummary,
  now: number,
): Promise<void> {
  const version = before + 1
  await tx.updateTable('terraform_states').set({ state, version, updated_at: now }).where('id', '=', id).execute()
  await tx
    .insertInto('terraform_state_versions')
    .values({ root, version, state, created_at: now, serial, bytes, addresses: JSON.stringify(addresses) })
    .execute()
  await tx
    .deleteFrom('terraform_state_versions')
    .where('root', '=', root)
    .where('version', '<=', version - KEPT_VERSIONS)
    .execute()
}

async function getVersion(tx: Tx, root: string, version: number): Promise<string> {
  const query = tx.selectFrom('terraform_state_versions').select('state').where('root', '=', root)
  const row = await query.where('version', '=', version).executeTakeFirst()
  if (row === undefined) throw versionUnknown(root, version)
  return row.state
}

function holdsResources(state: string): boolean {
  const { resources = [] } = JSON.parse(state) as { resources?: { mode?: string }[] }
  return resources.some(({ mode }) => mode === 'managed')
}

/** The root's row, made when missing and held until the transaction ends: an update comes first. */
async function ownRow(tx: Tx, root: string, now: number): Promise<Row<'terraform_states'>> {
  const found = tx.selectFrom('terraform_states').selectAll().where('root', '=', root)
  const touched = await tx
    .updateTable('terraform_states')
    .set((eb) => ({ version: eb.ref('version') }))
    .where('root', '=', root)
    .executeTakeFirst()
  if (touched.numUpdatedRows === 0n && (await found.executeTakeFirst()) === undefined) {
    await tx
      .insertInto('terraform_states')
      .values({ root, version: 0, state: null, ...free, updated_at: now })
      .execute()
  }
  return await found.executeTakeFirstOrThrow()
}

async function isUser(tx: Tx, { root, task, fencing }: StateUser): Promise<boolean> {
  const query = tx.selectFrom('locks').select('name').where('name', '=', rootLock(root))
  const lock = await query.where('task_id', '=', task).where('fencing', '=', fencing).executeTakeFirst()
  return lock !== undefined
}

async function mustBeUser(tx: Tx, root: string, user: StateUser | undefined): Promise<void> {
  if (user !== undefined && !(await isUser(tx, user))) throw lockLost(root)
}

export function versionUnknown(root: string, version: number): AppError {
  const text = `the state of ${root} has no version ${version}: see cloudmgr state history ${root}`
  return new AppError('not-found', 'state-version-unknown', text, { details: { field: 'version', value: version } })
}

function stateMoved(root: string, seen: number, now: number): AppError {
  const text = `restoring the state of ${root}: it has moved on since, from version ${seen} to ${now}. Look again: cloudmgr state history ${root}`
  return new AppError('conflict', 'state-moved', text, { details: { root, version: now } })
}

function stillLocked(root: string): AppError {
  const text = `restoring the state of ${root}: a run has its lock. Once it has surely ended, cloudmgr state unlock ${root} takes the lock away`
  return new AppError('conflict', 'state-locked', text, { details: { root } })
}

function lockLost(root: string): AppError {
  return new AppError('conflict', 'terraform-locked', `writing the state of ${root}: another run has taken its lock`)
}
