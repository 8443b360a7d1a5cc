import { expect, test } from 'vitest'
import { chooseService, type ServiceWish } from './choose-service.ts'

const alice = { url: 'https://a.example.org', userid: 'alice', apikey: 'k1', ca: 'PEM' }
const bobby = { url: 'https://b.example.org', userid: 'bobby', apikey: 'k2' }
const nothing: ServiceWish = { site: undefined, url: undefined, userid: undefined, apikey: undefined, logins: [] }
const option = (text: string) => ({ text, by: 'option' as const })
const variable = (text: string) => ({ text, by: 'variable' as const })

const cases: { wish: Partial<ServiceWish>; goes: string; why: string }[] = [
  { wish: {}, goes: 'site', why: 'nobody signed in anywhere: the site of this machine' },
  { wish: { logins: [bobby, alice] }, goes: 'bobby k2 b', why: 'the last sign-in counts' },
  { wish: { logins: [bobby, alice], site: 'option' }, goes: 'site', why: 'a named site goes before a sign-in' },
  { wish: { logins: [bobby, alice], site: 'variable' }, goes: 'site', why: 'also by the environment' },
  { wish: { logins: [bobby, alice], url: option(alice.url) }, goes: 'alice k1 a', why: 'a URL picks its sign-in' },
  { wish: { logins: [bobby, alice], userid: 'alice' }, goes: 'alice k1 a', why: 'a name picks its sign-in' },
  {
    wish: { url: variable(bobby.url), userid: 'carol', apikey: 'k3', logins: [alice] },
    goes: 'carol k3 b',
    why: 'the environment alone is enough',
  },
  {
    wish: { url: variable(bobby.url), userid: 'carol', apikey: 'k3', site: 'option' },
    goes: 'site',
    why: 'an option goes before the environment',
  },
  {
    wish: { url: option(bobby.url), userid: 'carol', apikey: 'k3', site: 'variable' },
    goes: 'carol k3 b',
    why: 'an option goes before the environment, the other way round',
  },
]
for (const { wish, goes, why } of cases) {
  test(why, () => {
    const chosen = chooseService({ ...nothing, ...wish })
    const where = chosen.at === 'site' ? 'site' : `${chosen.userid} ${chosen.apikey} ${chosen.url.charAt(8)}`
    expect(where).toBe(goes)
  })
}

test('a sign-in keeps its authority, also for another key', () => {
  const wish = { ...nothing, logins: [alice], url: option(alice.url) }
  expect(chooseService(wish)).toMatchObject({ ca: 'PEM', saved: true })
  expect(chooseService({ ...wish, userid: 'alice', apikey: 'k9' })).toMatchObject({ ca: 'PEM', saved: false })
})

const refused: { wish: Partial<ServiceWish>; code: string; why: string }[] = [
  { wish: { site: 'option', url: option(alice.url) }, code: 'two-services', why: 'two services are named' },
  { wish: { url: option(alice.url) }, code: 'not-signed-in', why: 'nobody is signed in there' },
  { wish: { url: option(alice.url), apikey: 'k' }, code: 'not-signed-in', why: 'a key without a name' },
  { wish: { url: option(alice.url), userid: 'bobby', logins: [alice] }, code: 'not-signed-in', why: 'another is' },
  { wish: { userid: 'carol', logins: [alice] }, code: 'not-signed-in', why: 'that person is signed in nowhere' },
]
for (const { wish, code, why } of refused) {
  test(`refused when ${why}`, () => {
    expect(() => chooseService({ ...nothing, ...wish })).toThrow(expect.objectContaining({ code }))
  })
}
