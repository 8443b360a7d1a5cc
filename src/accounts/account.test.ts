import { expect, test } from 'vitest'
import { accountName, mailAddress, mayImpersonate, planOf, userName, type Account } from './account.ts'

const account = (changes: Partial<Account>): Account => ({
  id: 1,
  name: 'alice',
  email: 'alice@example.org',
  role: 'user',
  rights: [],
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
]
for (const { caller, target, may, why } of impersonation) {
  test(`impersonation: ${why}`, () => expect(mayImpersonate(account(caller), account(target))).toBe(may))
}

test('what follows an account by its role', () => {
  expect(planOf(account({}))).toBe('omegaml')
  expect(planOf(account({ role: 'admin' }))).toBeUndefined()
  expect(planOf(account({ role: 'machine', rights: ['runtime:serve'] }))).toBe('shared-runtime')
  expect(planOf(account({ role: 'machine', rights: ['config:impersonate'] }))).toBeUndefined()
})
