import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Role } from '../../accounts/account.ts'
import { hashPassword } from '../../accounts/password.ts'
import { updateAccount } from '../../accounts/store.ts'
import { browserOf, type TestBrowser } from '../testing-browser.ts'
import { signedInAs, siteWith, startHouse, type TestHouse } from '../testing.ts'

const password = 'a long password'
const passwordHash = await hashPassword(password)

let house: TestHouse
let browser: TestBrowser

async function make(name: string, role: Role = 'user', of = house) {
  const wanted = { name, email: `${name}@example.org`, role, rights: [], passwordHash }
  return await of.deps.accounts.create(of.db, wanted)
}

beforeEach(async () => {
  house = await startHouse()
  await make('alice')
  browser = browserOf(house)
})
afterEach(async () => await house.close())

const signIn = async (login = 'alice', word = password) =>
  await browser.post('/api/v2/session', { login, password: word })

for (const login of ['alice', ' Alice@Example.org ']) {
  test(`signed in as ${JSON.stringify(login)}`, async () => {
    const { status, body, cookie } = await signIn(login)
    expect(status).toBe(200)
    expect(body).toEqual({
      account: expect.objectContaining({ userid: 'alice' }),
      csrfToken: expect.stringMatching(/^[\w-]{43}$/),
      expiresAt: '2026-11-24T20:00:00.000Z',
    })
    expect(cookie).toMatch(/^cloudmgr=\w{40}; Path=\/; HttpOnly; SameSite=Lax$/)
    expect((await browser.get('/api/v2/session')).body).toEqual(body)
    expect((await browser.get('/api/v2/accounts/alice')).status).toBe(200)
  })
}

test('over HTTPS the cookie is bound to this very host', async () => {
  const urls = { publicUrl: 'https://hub.example.org', notebookUrl: 'https://notebook.example.org' }
  const secure = await startHouse({ site: siteWith(urls) })
  await make('alice', 'user', secure)
  const { cookie } = await browserOf(secure).post('/api/v2/session', { login: 'alice', password })
  expect(cookie).toMatch(/^__Host-cloudmgr=\w{40}; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
  await secure.close()
})

test('nobody signed in is 401, and so is a made-up or signed-out session', async () => {
  expect((await browser.get('/api/v2/session')).status).toBe(401)
  const made = await house.open.inject({ url: '/api/v2/session', headers: { cookie: `cloudmgr=${'a'.repeat(40)}` } })
  expect(made.statusCode).toBe(401)
  await signIn()
  const before = browser.cookie()
  const out = await browser.delete('/api/v2/session')
  expect([out.status, out.cookie]).toEqual([204, 'cloudmgr=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0'])
  expect((await house.open.inject({ url: '/api/v2/session', headers: { cookie: before } })).statusCode).toBe(401)
})

test('who comes without credentials is not counted as guessing', async () => {
  for (let n = 0; n < 70; n += 1) expect((await browser.get('/api/v2/session')).status).toBe(401)
})

test('signing in anew ends the session before', async () => {
  await signIn()
  const before = browser.cookie()
  await signIn()
  expect(browser.cookie()).not.toBe(before)
  expect((await house.open.inject({ url: '/api/v2/session', headers: { cookie: before } })).statusCode).toBe(401)
})

const forged: { headers: Record<string, string>; code: string; why: string }[] = [
  { headers: { 'x-csrf-token': '' }, code: 'csrf-token-wrong', why: 'no token' },
  { headers: { 'x-csrf-token': 'a'.repeat(43) }, code: 'csrf-token-wrong', why: 'another token' },
  { headers: { origin: 'http://evil.example.org' }, code: 'csrf-origin-wrong', why: 'a page of another site' },
  { headers: { origin: 'null' }, code: 'csrf-origin-wrong', why: 'a page without origin' },
  {
    headers: { origin: 'http://notebook.omega.localhost:8080' },
    code: 'csrf-origin-wrong',
    why: 'a notebook, where users’ code runs',
  },
]
for (const { headers, code, why } of forged) {
  test(`refused, and nothing changed: ${why}`, async () => {
    await signIn()
    expect(await browser.post('/api/v2/accounts/alice/keys', { name: 'x' }, headers)).toMatchObject({
      status: 403,
      body: { code },
    })
    expect(await browser.delete('/api/v2/session', headers)).toMatchObject({ status: 403, body: { code } })
    expect((await browser.get('/api/v2/accounts/alice/keys')).body.keys).toHaveLength(1)
  })
}

test('a request without an origin is refused: browsers send one with every change', async () => {
  const { body } = await signIn()
  const headers = { cookie: browser.cookie(), 'x-csrf-token': body.csrfToken }
  const answer = await house.open.inject({ method: 'DELETE', url: '/api/v2/session', headers })
  expect([answer.statusCode, answer.json().code]).toEqual([403, 'csrf-origin-wrong'])
})

test('with token and origin the change is made', async () => {
  await signIn()
  expect((await browser.post('/api/v2/accounts/alice/keys', { name: 'ci' })).status).toBe(201)
})

test('no page of another site signs somebody in as somebody else', async () => {
  const wish = { login: 'alice', password }
  const answer = await browser.post('/api/v2/session', wish, { origin: 'http://evil.example.org' })
  expect(answer).toMatchObject({ status: 403, body: { code: 'csrf-origin-wrong' } })
})

test('a key needs neither cookie nor token, and wins over a cookie', async () => {
  const { apikey } = await make('bobby')
  await signIn()
  const headers = { ...signedInAs('bobby', apikey), cookie: browser.cookie() }
  const answer = await house.open.inject({
    method: 'POST',
    url: '/api/v2/accounts/bobby/keys',
    headers,
    payload: { name: 'ci' },
  })
  expect(answer.statusCode).toBe(201)
})

test('the internal port takes no cookies', async () => {
  await signIn()
  const answer = await house.inside.inject({ url: '/api/v1/config/', headers: { cookie: browser.cookie() } })
  expect(answer.statusCode).toBe(401)
})

for (const [login, word] of [
  ['alice', 'another password'],
  ['nobody', password],
  ['nobody@example.org', password],
  ['robot', password],
] as const) {
  test(`${login} with ${JSON.stringify(word)} is refused in the same words`, async () => {
    await make('robot', 'machine')
    expect(await signIn(login, word)).toMatchObject({ status: 401, body: { code: 'credentials-wrong' } })
  })
}

test('why an account may not come in is told to who knows its password', async () => {
  const alice = await house.deps.accounts.get(house.db, 'alice')
  for (const state of ['waiting-approval', 'disabled', 'removing'] as const) {
    await updateAccount(house.db, alice.id, { state })
    expect((await signIn()).body.code).toBe(`account-${state}`)
    expect((await signIn('alice', 'another password')).body.code).toBe('credentials-wrong')
  }
})

test('who guesses waits; others, and the same from elsewhere, do not', async () => {
  await make('bobby')
  for (let n = 0; n < 10; n += 1) expect((await signIn('alice', `wrong word ${n}`)).status).toBe(401)
  const refused = await signIn()
  expect(refused).toMatchObject({ status: 429, body: { code: 'too-many-failures' } })
  expect(refused.headers['retry-after']).toBe('300')
  expect((await signIn('bobby')).status).toBe(200)
  const elsewhere = { 'x-forwarded-for': '198.51.100.7' }
  expect((await browser.post('/api/v2/session', { login: 'alice', password }, elsewhere)).status).toBe(200)
  house.time.now += 300_000
  expect((await signIn()).status).toBe(200)
})

test('many addresses that guess together make it slow, and lock nobody out', async () => {
  const slept: number[] = []
  const clock = { now: () => house.time.now, sleep: async (ms: number) => void slept.push(ms) }
  const slow = await startHouse({ clock })
  await make('alice', 'user', slow)
  const from = async (address: string, word: string) =>
    await slow.open.inject({
      method: 'POST',
      url: '/api/v2/session',
      headers: { 'x-forwarded-for': address },
      payload: { login: 'alice', password: word },
    })
  for (let n = 0; n < 22; n += 1) await from(`198.51.100.${n}`, 'wrong password')
  expect(slept).toEqual([100, 200])
  expect((await from('203.0.113.1', password)).statusCode).toBe(200)
  await slow.close()
})

test('what everybody may know of the site', async () => {
  expect((await browser.get('/api/v2/site')).body).toEqual({
    simulated: [],
    title: 'omega|ml',
    signUp: { open: true, confirmation: true, approval: false },
    notebookUrl: 'http://notebook.omega.localhost:8080',
    apiUrl: 'http://hub.omega.localhost:8080',
  })
})
