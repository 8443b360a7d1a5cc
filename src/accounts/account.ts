import { AppError } from '../base/errors.ts'

/**
 * `admin`: everything, also for others. `staff`: what it was granted, for users. `machine`: a program of the site with the
 * rights it was given. `group`: owns what a group is delivered; nobody signs in as it.
 */
export type Role = 'admin' | 'staff' | 'user' | 'machine' | 'group'

/** Beyond its own things: what machines may do. */
const machineRights = ['config:impersonate', 'runtime:serve'] as const
/** Beyond its own things: what staff may be granted. */
export const staffRights = [
  'accounts:read',
  'accounts:create',
  'accounts:update',
  'accounts:delete',
  'groups:manage',
  'audit:read',
] as const

type MachineRight = (typeof machineRights)[number]
export type StaffRight = (typeof staffRights)[number]
export type Right = MachineRight | StaffRight

export const roles: readonly Role[] = ['admin', 'staff', 'user', 'machine', 'group']
export const rights: readonly Right[] = [...machineRights, ...staffRights]

/** Only `active` ones sign in. `removing`: from the order to remove it until it is gone. */
export const accountStates = ['unconfirmed', 'waiting-approval', 'active', 'disabled', 'removing'] as const
export type AccountState = (typeof accountStates)[number]

export interface Account {
  readonly id: number
  readonly name: string
  /** Empty for groups. */
  readonly email: string
  readonly mailConfirmed: boolean
  readonly role: Role
  readonly rights: readonly Right[]
  readonly state: AccountState
  /** Whether its state is `active`. */
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

/** The part before the @ as a name: lower case, without punctuation. What can't begin or fill a name is mended. */
export function nameFromMail(email: string): string {
  const letters = (email.split('@', 1)[0] ?? '').toLowerCase().replace(/[^a-z0-9]/g, '')
  const begun = /^[a-z]/.test(letters) ? letters : `u${letters}`
  return begun.length >= 3 ? begun.slice(0, 30) : begun.padEnd(3, '0')
}

/** The `n`th name to try when those before were taken: `alice`, `alice2`, `alice3`. */
export function numberedName(name: string, n: number): string {
  const number = n === 1 ? '' : String(n)
  return `${name.slice(0, 30 - number.length)}${number}`
}

/** Names of groups are those of accounts; their account can't be mistaken for a person's, which has no hyphen. */
export function groupAccountName(group: string): string {
  return `g-${group}`
}

export function isReserved(name: string): boolean {
  return RESERVED.includes(name)
}

/** Whether `domain` of the address is one of those that may sign up. */
export function mayUseMail(email: string, domains: readonly string[] | undefined): boolean {
  if (domains === undefined || domains.length === 0) return true
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase()
  return domains.some((allowed) => allowed.toLowerCase() === domain)
}

/** JupyterHub reads what it starts servers with: of accounts that may sign in, and never of people with rights over others. */
export function mayImpersonate(caller: Account, target: Account): boolean {
  const isServed = target.active && (target.role === 'user' || target.role === 'machine')
  return caller.rights.includes('config:impersonate') && isServed
}

/** Whether it was granted that: admins have every right of staff. */
export function hasRight(caller: Account, right: StaffRight): boolean {
  return caller.role === 'admin' || (caller.role === 'staff' && caller.rights.includes(right))
}

/** Whether `caller` may order for the account called `name`, and see what it was delivered. */
export function mayActFor(caller: Account, name: string): boolean {
  return caller.role === 'admin' || caller.name === name
}

/** Whether `caller` may do that to `target`: staff never reaches admins, other staff or machines. */
export function mayManage(caller: Account, right: StaffRight, target: Pick<Account, 'role'>): boolean {
  return hasRight(caller, right) && (caller.role === 'admin' || target.role === 'user' || target.role === 'group')
}

/** Throws unless all of them are rights of that role. */
export function checkRights({ role, rights: wanted }: { role: Role; rights: readonly Right[] }): void {
  const allowed: readonly Right[] = { admin: [], user: [], group: [], machine: machineRights, staff: staffRights }[role]
  if (wanted.every((right) => allowed.includes(right))) return
  const right = allowed.length === 0 ? 'none, or role machine or staff' : `some of ${allowed.join(', ')}`
  throw new AppError(
    'invalid',
    'rights-not-of-role',
    `rights ${JSON.stringify(wanted)} can't be given to role ${role}: right is ${right}`,
    { details: { field: 'rights', value: wanted, right } },
  )
}

/** Sets up the account of a person: it orders what `planOf` says. */
export const SIGN_UP_PLAN = 'signup'

/** What groups are delivered. */
export const GROUP_PLAN = 'omegaml'

/** What comes with being there: users and groups get the service, admins, staff and most machines get nothing. */
export function planOf(account: Pick<Account, 'role' | 'rights'>): string | undefined {
  if (account.role === 'user') return 'omegaml'
  if (account.role === 'group') return GROUP_PLAN
  return account.rights.includes('runtime:serve') ? 'shared-runtime' : undefined
}

function wrong(code: string, field: string, value: string, right: string): AppError {
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value
  return new AppError('invalid', code, `${field} ${JSON.stringify(shown)} can't be used: right is ${right}`, {
    details: { field, value: shown, right },
  })
}
