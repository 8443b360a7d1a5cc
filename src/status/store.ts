import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'
import type { Sample, Usage } from './series.ts'

/** Whose usage a row holds: that of the nodes, or of the pods of a namespace. */
export type Scope = 'nodes' | `pods/${string}`

const HOUR_MS = 3_600_000
const FINE_MS = 2 * HOUR_MS
const KEPT_MS = 24 * HOUR_MS
export const COARSE_MS = 300_000

/** All of one look at once; false when somebody else had the same moment already. */
export async function insertSample(db: Db, at: number, usage: ReadonlyMap<Scope, Usage>): Promise<boolean> {
  const rows = [...usage].map(([scope, used]) => ({ at, scope, used: JSON.stringify(used) }))
  try {
    await db.insertInto('metric_samples').values(rows).execute()
    return true
  } catch (error) {
    if (isDuplicate(error)) return false
    throw error
  }
}

export async function hasSample(db: Db, at: number): Promise<boolean> {
  const query = db.selectFrom('metric_samples').select('id').where('scope', '=', 'nodes').where('at', '=', at)
  return (await query.executeTakeFirst()) !== undefined
}

/** Every point for two hours, then one in five minutes, nothing after a day. */
export async function thinSamples(db: Db, now: number): Promise<void> {
  await db
    .deleteFrom('metric_samples')
    .where('at', '<', now - KEPT_MS)
    .execute()
  await db
    .deleteFrom('metric_samples')
    .where('at', '<', now - FINE_MS)
    .where(sql<boolean>`${sql.ref('at')} % ${COARSE_MS} <> 0`)
    .execute()
}

/** In order of time, both ends included. */
export async function listSamples(db: Db, scope: Scope, from: number, to: number): Promise<Sample[]> {
  const rows = await db
    .selectFrom('metric_samples')
    .select(['at', 'used'])
    .where('scope', '=', scope)
    .where('at', '>=', from)
    .where('at', '<=', to)
    .orderBy('at')
    .execute()
  return rows.map(({ at, used }) => ({ at: Number(at), usage: JSON.parse(used) as Usage }))
}

/** The moments that were looked at: the nodes are in every look. */
export async function listTimes(db: Db, from: number, to: number): Promise<number[]> {
  const rows = await db
    .selectFrom('metric_samples')
    .select('at')
    .where('scope', '=', 'nodes')
    .where('at', '>=', from)
    .where('at', '<=', to)
    .orderBy('at')
    .execute()
  return rows.map(({ at }) => Number(at))
}
