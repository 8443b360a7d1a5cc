import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Db, Row, Tx } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'

/** Earlier states that are kept of each root. */
const KEPT_VERSIONS = 20

/** The running task that works on a root: whoever claimed the task since has a higher `fencing`. */
export interface StateUser {
  readonly root: string
  readonly task: number
  readonly fencing: number
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
      const sealed = keys.seal(state, context(root))
      await change(root, async (tx, row) => {
        // Also when nobody holds it any more: whoever took it over may have finished in between.
        if (row.lock_id !== (lockId ?? null)) throw lockLost(root)
        const version = row.version + 1
        const newest = { state: sealed, version, updated_at: now() }
        await tx.updateTable('terraform_states').set(newest).where('id', '=', row.id).execute()
        await tx
          .insertInto('terraform_state_versions')
          .values({ root, version, state: sealed, created_at: now() })
          .execute()
        await tx
          .deleteFrom('terraform_state_versions')
          .where('root', '=', root)
          .where('version', '<=', version - KEPT_VERSIONS)
          .execute()
      })
    },
    lock: (user, lockId, info) =>
      change(user.root, async (tx, row) => {
        if (!(await isUser(tx, user))) return row.lock_info ?? '{}'
        const taken = { lock_id: lockId, lock_info: info }
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
      const free = { lock_id: null, lock_info: null }
      const held = db.updateTable('terraform_states').set(free).where('root', '=', root)
      await held.where('lock_id', '=', lockId).execute()
    },
  }
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
      .values({ root, version: 0, state: null, lock_id: null, lock_info: null, updated_at: now })
      .execute()
  }
  return await found.executeTakeFirstOrThrow()
}

async function isUser(tx: Tx, { root, task, fencing }: StateUser): Promise<boolean> {
  const query = tx.selectFrom('locks').select('name').where('name', '=', rootLock(root))
  const lock = await query.where('task_id', '=', task).where('fencing', '=', fencing).executeTakeFirst()
  return lock !== undefined
}

function lockLost(root: string): AppError {
  return new AppError('conflict', 'terraform-locked', `writing the state of ${root}: another run has taken its lock`)
}
