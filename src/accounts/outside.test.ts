import { expect, test } from 'vitest'
import { type OutsideRules, verifiedMail, wantedMemberships, wantedName, wantedRole } from './outside.ts'

const rules: OutsideRules = {
  nameClaim: 'preferred_username',
  groupsClaim: 'groups',
  groups: [
    { value: 'research', group: 'lab', role: 'member' },
    { value: 'heads', group: 'lab', role: 'owner' },
    { value: 'sales', group: 'shop', role: 'member' },
  ],
  roles: [
    { value: 'it', role: 'admin', rights: [] },
    { value: 'desk', role: 'staff', rights: ['accounts:read'] },
    { value: 'groups', role: 'staff', rights: ['groups:manage', 'accounts:read'] },
  ],
}

const mails: { claims: object; mail: string | undefined; why: string }[] = [
  { claims: { email: 'A@X.org', email_verified: true }, mail: 'a@x.org', why: 'a verified address is in lower case' },
  { claims: { email: 'a@x.org' }, mail: undefined, why: 'nothing said is not verified' },
  { claims: { email: 'a@x.org', email_verified: 'true' }, mail: undefined, why: 'nor is a text' },
  { claims: { email: ['a@x.org'], email_verified: true }, mail: undefined, why: 'a list is no address' },
]
for (const { claims, mail, why } of mails) test(why, () => expect(verifiedMail({ ...claims })).toBe(mail))

const names: { said: unknown; name: string | undefined; why: string }[] = [
  { said: 'Alice.Smith', name: 'alicesmith', why: 'a name loses its punctuation' },
  { said: 'alice@x.org', name: 'alice', why: 'an address as name gives its first part' },
  { said: '7of9', name: undefined, why: 'a name begins with a letter' },
  { said: 'é', name: undefined, why: 'nothing is left of some names' },
  { said: 42, name: undefined, why: 'a number is no name' },
]
for (const { said, name, why } of names)
  test(why, () => expect(wantedName({ preferred_username: said }, rules)).toBe(name))

const groups: { said: unknown; lab: unknown; shop: unknown; why: string }[] = [
  { said: ['research'], lab: 'member', shop: undefined, why: 'a value gives its group' },
  { said: ['heads', 'research'], lab: 'owner', shop: undefined, why: 'the higher role of a group counts' },
  { said: ['research', 'heads'], lab: 'owner', shop: undefined, why: 'whatever the order' },
  { said: 'sales', lab: undefined, shop: 'member', why: 'one word is a list of one' },
  { said: undefined, lab: undefined, shop: undefined, why: 'no claim is no group' },
  { said: [{ value: 'sales' }], lab: undefined, shop: undefined, why: 'what is no word counts for nothing' },
]
for (const { said, lab, shop, why } of groups)
  test(why, () => expect(Object.fromEntries(wantedMemberships({ groups: said }, rules))).toEqual({ lab, shop }))

const roles: { said: string[]; role: object; why: string }[] = [
  { said: [], role: { role: 'user', rights: [] }, why: 'without a value that gives a role one is a user' },
  { said: ['it', 'desk'], role: { role: 'admin', rights: [] }, why: 'admin is the highest' },
  {
    said: ['groups', 'desk'],
    role: { role: 'staff', rights: ['accounts:read', 'groups:manage'] },
    why: 'rights add up',
  },
]
for (const { said, role, why } of roles) test(why, () => expect(wantedRole({ groups: said }, rules)).toEqual(role))

test('rules that say nothing of roles change none', () =>
  expect(wantedRole({ groups: ['it'] }, { ...rules, roles: [] })).toBeUndefined())
