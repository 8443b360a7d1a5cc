import { expect, test } from 'vitest'
import {
  type Account,
  accountName,
  checkRights,
  groupAccountName,
  hasRight,
  mailAddress,
  mayImpersonate,
  mayManage,
  mayUseMail,
  nameFromMail,
  numberedName,
  planOf,
  type Right,
  type Role,
  userName,
} from './account.ts'

const account = (changes: Partial<Account>): Account => ({
  id: 1,
  name: 'alice',
  email: 'alice@example.org',
  role: 'user',
  rights: [],
  mailConfirmed: true,
  state: 'active',
  active: true,
  createdAt: 0,
  ...changes,
})

const goodNames = ['abc', 'alice', 'a2b', `a${'b'.repeat(29)}`]
for (const name of goodNames) test(`the name ${name} is taken as it is`, () => expect(userName(name)).toBe(name))

const badNames: { name: string; why: string }[] = [
  { name: '', why: 'an empty name' },
  { name: 'ab', why: 'two letters' },
  { name: `a${'b'.repeat(30)}`, why: '31 letters' },
  { name: 'Alice', why: 'upper case, which JupyterHub would lower' },
  { name: '1alice', why: 'a digit first' },
  { name: 'a.lice', why: 'a dot' },
  { name: 'a'.repeat(64), why: '64 letters' },
  { name: 'alice@example.org', why: 'an e-mail address' },
  { name: 'al-ice', why: 'a hyphen' },
  { name: 'al ice', why: 'a blank' },
  { name: 'alice\n', why: 'a line end' },
  { name: 'älice', why: 'a letter outside a to z' },
  { name: '../etc', why: 'a path' },
]
for (const { name, why } of badNames) {
  test(`refused as a name: ${why}`, () => {
    expect(() => accountName(name)).toThrow(
      expect.objectContaining({ code: 'account-name-invalid', details: expect.objectContaining({ field: 'name' }) }),
    )
  })
}

test('names of the site itself are not for people', () => {
  for (const name of ['admin', 'omworker', 'www']) {
    expect(() => userName(name)).toThrow(expect.objectContaining({ code: 'account-name-reserved' }))
  }
})

const goodMails = ['alice@example.org', 'a.b+c@mail.example.co.uk', "o'neil@example.org"]
for (const mail of goodMails) test(`the address ${mail} is taken`, () => expect(mailAddress(mail)).toBe(mail))

test('an address is kept in lower case', () => expect(mailAddress('Alice@Example.ORG')).toBe('alice@example.org'))

const badMails = [
  '',
  'alice',
  'alice@',
  '@example.org',
  'a@b',
  'a b@example.org',
  'a@example.org\nBcc: x@y.org',
  'a@@example.org',
  'a,b@example.org',
  'a@-x.org',
  `${'a'.repeat(65)}@example.org`,
]
for (const mail of badMails) {
  test(`refused as an address: ${JSON.stringify(mail)}`, () => {
    expect(() => mailAddress(mail)).toThrow(expect.objectContaining({ code: 'email-invalid' }))
  })
}

const impersonation: { caller: Partial<Account>; target: Partial<Account>; may: boolean; why: string }[] = [
  {
    caller: { rights: ['config:impersonate'], role: 'machine' },
    target: {},
    may: true,
    why: 'JupyterHub reads a user’s config',
  },
  { caller: { role: 'admin' }, target: {}, may: false, why: 'people don’t, not even admins' },
  { caller: {}, target: {}, may: false, why: 'a user does not' },
  {
    caller: { rights: ['config:impersonate'], role: 'machine' },
    target: { role: 'admin' },
    may: false,
    why: 'an admin’s config is nobody else’s',
  },
  {
    caller: { rights: ['config:impersonate'], role: 'machine' },
    target: { state: 'disabled', active: false },
    may: false,
    why: 'no server starts for an account that is switched off',
  },
  {
    caller: { rights: ['config:impersonate'], role: 'machine' },
    target: { role: 'group' },
    may: false,
    why: 'nor for a group',
  },
]
for (const { caller, target, may, why } of impersonation) {
  test(`impersonation: ${why}`, () => expect(mayImpersonate(account(caller), account(target))).toBe(may))
}

const names: { email: string; name: string; why: string }[] = [
  { email: 'testing.user@example.org', name: 'testinguser', why: 'punctuation goes' },
  { email: 'Alice+Test@example.org', name: 'alicetest', why: 'letters become small' },
  { email: '1st@example.org', name: 'u1st', why: 'a name begins with a letter' },
  { email: 'a@example.org', name: 'a00', why: 'a short one is filled' },
  { email: '--@example.org', name: 'u00', why: 'nothing but punctuation' },
  { email: 'é.ü@example.org', name: 'u00', why: 'letters outside a to z go' },
  { email: `${'a'.repeat(40)}@example.org`, name: 'a'.repeat(30), why: 'a long one is cut' },
]
for (const { email, name, why } of names) {
  test(`a name made of an address: ${why}`, () => {
    expect(nameFromMail(email)).toBe(name)
    expect(accountName(name)).toBe(name)
  })
}

test('names that are taken are numbered, within the length of a name', () => {
  expect([1, 2, 30].map((n) => numberedName('alice', n))).toEqual(['alice', 'alice2', 'alice30'])
  expect(accountName(numberedName('a'.repeat(30), 12))).toBe(`${'a'.repeat(28)}12`)
})

test('a group’s account has a name that no person can have', () => {
  expect(() => accountName(groupAccountName('team'))).toThrow(expect.objectContaining({ code: 'account-name-invalid' }))
})

test('a list of mail domains is kept to, whole and without regard to case', () => {
  expect(mayUseMail('a@example.org', undefined)).toBe(true)
  expect(mayUseMail('a@example.org', [])).toBe(true)
  expect(mayUseMail('a@Example.org', ['EXAMPLE.org'])).toBe(true)
  expect(mayUseMail('a@evil-example.org', ['example.org'])).toBe(false)
  expect(mayUseMail('a@sub.example.org', ['example.org'])).toBe(false)
})

const management: { caller: Partial<Account>; target: Role; may: boolean; why: string }[] = [
  { caller: { role: 'admin' }, target: 'admin', may: true, why: 'an admin manages everybody' },
  { caller: { role: 'staff', rights: ['accounts:update'] }, target: 'user', may: true, why: 'staff with the right' },
  { caller: { role: 'staff', rights: ['accounts:read'] }, target: 'user', may: false, why: 'staff with another right' },
  { caller: { role: 'staff', rights: ['accounts:update'] }, target: 'admin', may: false, why: 'staff never an admin' },
  { caller: { role: 'staff', rights: ['accounts:update'] }, target: 'staff', may: false, why: 'nor other staff' },
  { caller: { role: 'staff', rights: ['accounts:update'] }, target: 'machine', may: false, why: 'nor machines' },
  {
    caller: { role: 'user', rights: ['accounts:update'] },
    target: 'user',
    may: false,
    why: 'a right without the role',
  },
]
for (const { caller, target, may, why } of management) {
  test(`management: ${why}`, () => expect(mayManage(account(caller), 'accounts:update', { role: target })).toBe(may))
}

test('an admin has every right of staff, a machine none', () => {
  expect(hasRight(account({ role: 'admin' }), 'audit:read')).toBe(true)
  expect(hasRight(account({ role: 'machine', rights: ['runtime:serve'] }), 'audit:read')).toBe(false)
})

const granted: { role: Role; rights: Right[]; fine: boolean }[] = [
  { role: 'user', rights: [], fine: true },
  { role: 'user', rights: ['audit:read'], fine: false },
  { role: 'staff', rights: ['audit:read', 'accounts:create'], fine: true },
  { role: 'staff', rights: ['config:impersonate'], fine: false },
  { role: 'machine', rights: ['config:impersonate'], fine: true },
  { role: 'admin', rights: ['accounts:create'], fine: false },
]
for (const { role, rights, fine } of granted) {
  test(`rights [${rights.join()}] of role ${role} are ${fine ? 'given' : 'refused'}`, () => {
    const check = () => checkRights({ role, rights })
    if (fine) expect(check).not.toThrow()
    else expect(check).toThrow(expect.objectContaining({ code: 'rights-not-of-role' }))
  })
}

test('what follows an account by its role', () => {
  expect(planOf(account({}))).toBe('omegaml')
  expect(planOf(account({ role: 'group' }))).toBe('omegaml')
  expect(planOf(account({ role: 'admin' }))).toBeUndefined()
  expect(planOf(account({ role: 'staff', rights: ['accounts:read'] }))).toBeUndefined()
  expect(planOf(account({ role: 'machine', rights: ['runtime:serve'] }))).toBe('shared-runtime')
  expect(planOf(account({ role: 'machine', rights: ['config:impersonate'] }))).toBeUndefined()
})
