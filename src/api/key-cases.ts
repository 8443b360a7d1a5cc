import type { z } from 'zod'
import type { Account } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import type { keyView } from '../accounts/contract.ts'
import type { NewKey } from '../accounts/accounts.ts'
import { deleteKey, type KeyRow, listKeys, MAIN_KEY } from '../accounts/key-store.ts'
import { AppError, must } from '../base/errors.ts'
import { inTransaction } from '../db/transaction.ts'
import type { ApiDeps } from './deps.ts'

/** For the account itself only: nobody else ever sees a key that opens it. */
export async function addKey(deps: ApiDeps, account: Account, wish: NewKey) {
  const { name } = wish
  const added = await inTransaction(deps.db, async (tx) => {
    const apikey = await deps.accounts.addKey(tx, account, wish)
    const row = (await listKeys(tx, account.id)).find((key) => key.label === name)
    await note(deps, tx, account, account, 'key.create', name)
    return { apikey, row: must(row, `key ${name}`) }
  })
  deps.accounts.forget(account.name)
  return { ...showKey(added.row), apikey: added.apikey }
}

export async function revokeKey(deps: ApiDeps, caller: Account, account: Account, id: number): Promise<void> {
  await inTransaction(deps.db, async (tx) => {
    const key = (await listKeys(tx, account.id)).find((candidate) => candidate.id === id)
    if (key === undefined) {
      throw new AppError('not-found', 'api-key-unknown', `account ${account.name} has no key ${id}`, {
        details: { id },
      })
    }
    if (key.label === MAIN_KEY) {
      throw new AppError('conflict', 'api-key-main', 'the first key is not revoked: rotate the credentials instead')
    }
    await deleteKey(tx, id)
    await note(deps, tx, caller, account, 'key.revoke', key.label)
  })
  deps.accounts.forget(account.name)
}

export function showKey(key: KeyRow): z.infer<typeof keyView> {
  const { id, label, createdAt, expiresAt, lastUsedAt } = key
  return {
    id,
    name: label,
    main: label === MAIN_KEY,
    createdAt: iso(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: iso(expiresAt) }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: iso(lastUsedAt) }),
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}

async function note(
  deps: ApiDeps,
  tx: ApiDeps['db'],
  caller: Account,
  account: Account,
  action: string,
  key: string,
): Promise<void> {
  const details = { account: account.id, key }
  await audit(tx, { at: deps.clock.now(), actor: caller.name, action, subject: account.name, details })
}
