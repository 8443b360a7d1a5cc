import { sql } from 'kysely'
import { AppError, explain } from '../base/errors.ts'
import { type Db, openDatabase } from './database.ts'
import { migrate } from './migrate.ts'

/** SQLite's numbers of a file that is damaged, and of one that is no database. */
const damages = [11, 26]

/** Opens a site's journal with its schema up to date; one that is damaged is said to be before anything works with it. */
export async function openSound(path: string): Promise<Db> {
  let db: Db | undefined
  try {
    db = openDatabase({ kind: 'sqlite', path })
    const { rows } = await sql<{ quick_check: string }>`pragma quick_check(1)`.execute(db)
    const [first] = rows
    if (first !== undefined && first.quick_check !== 'ok') throw damaged(path, first.quick_check)
    await migrate(db)
    return db
  } catch (error) {
    await db?.destroy()
    throw isDamage(error) ? damaged(path, explain(error)) : error
  }
}

function isDamage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { errcode } = error as { errcode?: number }
  return (errcode !== undefined && damages.includes(errcode & 0xff)) || isDamage(error.cause)
}

function damaged(path: string, why: string): AppError {
  return new AppError(
    'conflict',
    'journal-damaged',
    `the journal ${path} is damaged (${why.split('\n')[0]}): nothing was changed. Put it back from a copy of the state folder; what to do without one: docs/operations.md`,
    { details: { field: 'state', value: path } },
  )
}
