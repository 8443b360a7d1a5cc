import { AppError } from '../base/errors.ts'
import type { Db } from '../db/database.ts'
import type { Account } from './account.ts'
import { findAccount, findByMail } from './store.ts'

/**
 * Whom a client means by `user`: a user id, an address, or the words that a client with a token uses of itself, `jwt` and
 * `jwt:<userid>`. Who is signed in never follows from it.
 */
export async function findByUserWord(db: Db, caller: Account, word: string): Promise<Account | undefined> {
  if (word === caller.name || word === 'jwt' || word === `jwt:${caller.name}`) return caller
  const name = word.startsWith('jwt:') ? word.slice('jwt:'.length) : word
  return name.includes('@') ? await findByMail(db, name.toLowerCase()) : await findAccount(db, name)
}

export function accountUnknown(word: string): AppError {
  return new AppError('not-found', 'account-unknown', `there is no account ${JSON.stringify(word)}`, {
    details: { name: word },
  })
}
