import type { Db, Row } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'

/** `orphan`: outside, and nobody's. `drift`: ours, and not as the books say. */
export type Difference = 'orphan' | 'drift'

export interface Finding {
  /** The system it lies in; of drift, the action that looked. */
  readonly system: string
  readonly kind: string
  readonly name: string
  readonly account?: string | undefined
  /** Of drift: what was delivered. */
  readonly plan?: string | undefined
  readonly instance?: string | undefined
  /** Whether an order may mend it. */
  readonly mendable: boolean
  /** Of orphans: it may be the only copy of somebody's data, and is mendable only by an order that says so. */
  readonly holdsData?: boolean | undefined
  readonly detail: string
}

export interface StoredFinding extends Finding {
  readonly id: number
}

/** What the newest comparison saw takes the place of what the one before saw. */
export async function replaceFindings(
  db: Db,
  difference: Difference,
  findings: readonly Finding[],
  now: number,
): Promise<void> {
  const rows = findings.map(({ system, kind, name, account, plan, instance, mendable, holdsData, detail }) => ({
    difference,
    system,
    kind,
    name,
    account: account ?? null,
    plan: plan ?? null,
    instance: instance ?? null,
    mendable: holdsData === true ? WITH_DATA : mendable ? 1 : 0,
    detail,
  }))
  await inTransaction(db, async (tx) => {
    await tx.deleteFrom('findings').where('difference', '=', difference).execute()
    for (let start = 0; start < rows.length; start += 200)
      await tx
        .insertInto('findings')
        .values(rows.slice(start, start + 200))
        .execute()
    await tx.deleteFrom('comparisons').where('difference', '=', difference).execute()
    await tx.insertInto('comparisons').values({ difference, compared_at: now }).execute()
  })
}

export async function listFindings(db: Db, difference: Difference): Promise<StoredFinding[]> {
  const rows = await db.selectFrom('findings').selectAll().where('difference', '=', difference).orderBy('id').execute()
  return rows.map(toFinding)
}

/** When books and world were compared last; undefined: never. */
export async function comparedAt(db: Db, difference: Difference): Promise<number | undefined> {
  const row = await db
    .selectFrom('comparisons')
    .select('compared_at')
    .where('difference', '=', difference)
    .executeTakeFirst()
  return row === undefined ? undefined : Number(row.compared_at)
}

/** Of column `mendable`, beside 0 and 1. */
const WITH_DATA = 2

function toFinding(row: Row<'findings'>): StoredFinding {
  return {
    id: Number(row.id),
    system: row.system,
    kind: row.kind,
    name: row.name,
    account: row.account ?? undefined,
    plan: row.plan ?? undefined,
    instance: row.instance ?? undefined,
    mendable: Number(row.mendable) === 1,
    holdsData: Number(row.mendable) === WITH_DATA,
    detail: row.detail,
  }
}
