import type { Account } from '../accounts/account.ts'

/** What plans may say of an account as `${account.…}`, apart from its key. */
export function accountValues({ id, name, email, role }: Account) {
  return { id, name, email, namespace: `om-${name}`, person: role !== 'group' }
}
