import { AppError } from '../base/errors.ts'

/** `admin`: everything, also for others. `machine`: a program of the site with the rights it was given, no deployment of a person. */
export type Role = 'admin' | 'user' | 'machine'
/** What a machine account may do beyond its own things. */
export type Right = 'config:impersonate' | 'runtime:serve'

export const roles: readonly Role[] = ['admin', 'user', 'machine']
export const rights: readonly Right[] = ['config:impersonate', 'runtime:serve']

export interface Account {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly rights: readonly Right[]
  /** False from the order to remove it until it is gone. */
  readonly active: boolean
  readonly createdAt: number
}

/** The site's own accounts, made by the bootstrap. */
export const siteAccounts: Readonly<Record<string, { role: Role; rights: readonly Right[] }>> = {
  admin: { role: 'admin', rights: [] },
  omworker: { role: 'machine', rights: ['runtime:serve'] },
  jyadmin: { role: 'machine', rights: ['config:impersonate'] },
}

const NAME = /^[a-z][a-z0-9]{2,29}$/
// One @, a dotted domain, nothing that could end a header line: the mail server judges the rest.
const EMAIL =
  /^[^\s@<>(),;:"\\[\]]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$/

/** Host names, machine accounts and words that people would take for the site itself. */
const RESERVED: readonly string[] = [
  'admin',
  'omworker',
  'jyadmin',
  'root',
  'system',
  'default',
  'api',
  'hub',
  'notebook',
  'mongo',
  'broker',
  'www',
]

/** The name as stored; throws when it is malformed. Reserved names are the site's own. */
export function accountName(value: string): string {
  if (!NAME.test(value)) {
    throw wrong('account-name-invalid', 'name', value, '3 to 30 lower-case letters and digits, beginning with a letter')
  }
  return value
}

export function userName(value: string): string {
  const name = accountName(value)
  if (RESERVED.includes(name))
    throw wrong('account-name-reserved', 'name', value, 'a name that the site does not use itself')
  return name
}

/** The address in lower case: two accounts never differ by case alone. */
export function mailAddress(value: string): string {
  if (value.length > 254 || !EMAIL.test(value)) {
    throw wrong('email-invalid', 'email', value, 'one address such as alice@example.org')
  }
  return value.toLowerCase()
}

export function mayImpersonate(caller: Account, target: Account): boolean {
  return caller.rights.includes('config:impersonate') && target.role !== 'admin'
}

/** Whether `caller` may see and change what belongs to the account called `name`. */
export function mayActFor(caller: Account, name: string): boolean {
  return caller.role === 'admin' || caller.name === name
}

/** What a person gets by being there: admins and most machines get nothing. */
export function planOf(account: Pick<Account, 'role' | 'rights'>): string | undefined {
  if (account.role === 'user') return 'omegaml'
  return account.rights.includes('runtime:serve') ? 'shared-runtime' : undefined
}

function wrong(code: string, field: string, value: string, right: string): AppError {
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value
  return new AppError('invalid', code, `${field} ${JSON.stringify(shown)} can't be used: right is ${right}`, {
    details: { field, value: shown, right },
  })
}
