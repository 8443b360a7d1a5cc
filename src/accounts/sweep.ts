import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { deleteAccount } from './store.ts'

/** Who did not confirm the address by then never comes; the name is free again. */
const UNCONFIRMED_MS = 7 * 86_400_000

/** Takes away what is over: sessions, tokens, sign-ups that nobody confirmed. */
export async function sweep(db: Db, now: number): Promise<void> {
  await db.deleteFrom('sessions').where('expires_at', '<=', now).execute()
  await db.deleteFrom('one_time_tokens').where('expires_at', '<=', now).execute()
  const stale = await db
    .selectFrom('accounts')
    .select('id')
    .where('status', '=', 'unconfirmed')
    .where('created_at', '<=', now - UNCONFIRMED_MS)
    .limit(500)
    .execute()
  for (const { id } of stale) await inTransaction(db, async (tx) => await eraseUnconfirmed(tx, id))
}

async function eraseUnconfirmed(tx: Db, id: number): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('accounts')
    .set({ status: 'removing' })
    .where('id', '=', id)
    .where('status', '=', 'unconfirmed')
    .executeTakeFirst()
  // Confirmed since it was read.
  if (numUpdatedRows === 1n) await deleteAccount(tx, id)
}
