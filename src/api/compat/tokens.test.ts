import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Role } from '../../accounts/account.ts'
import { hashPassword } from '../../accounts/password.ts'
import { findAccount, updateAccount } from '../../accounts/store.ts'
import { createFakeJwks, type FakeJwks } from '../../adapters/jwks/fake.ts'
import { createRooms, siteWith, startHouse, type TestHouse } from '../testing.ts'

const password = 'a long password'
const passwordHash = await hashPassword(password)
const foreign = { issuer: 'https://id.example.org', jwksUri: 'https://id.example.org/jwks', audience: 'cloudmgr' }
const theirs = await generateKeyPair('RS256')
const others = await generateKeyPair('RS256')

let house: TestHouse
let jwks: FakeJwks

async function make(name: string, role: Role = 'user') {
  const wanted = { name, email: `${name}@example.org`, role, rights: [], passwordHash }
  const { account } = await house.deps.accounts.create(house.db, wanted)
  if (role !== 'user') return account
  await house.deps.deployments.ensurePending(house.db, account, 'omegaml')
  await house.deps.deployments.settle(house.db, account.id, 'omegaml', { outcome: 'completed' })
  return account
}

beforeEach(async () => {
  jwks = createFakeJwks()
  jwks.put(foreign.jwksUri, { keys: [{ ...(await exportJWK(theirs.publicKey)), kid: 'one' }] })
  house = await startHouse({ site: siteWith({ issuers: [foreign] }), jwks })
  await make('alice')
})
afterEach(async () => await house.close())

const post = async (url: string, payload: object) => await house.open.inject({ method: 'POST', url, payload })
const signIn = async (username = 'alice', word = password) => await post('/token-auth/', { username, password: word })
const tokenOf = async (username = 'alice'): Promise<string> => (await signIn(username)).json().token
const config = async (authorization: string, query = '') =>
  await house.inside.inject({ url: `/api/v1/config/?view=1${query}`, headers: { authorization } })
const seconds = () => Math.floor(house.time.now / 1000)

test('a token is given for e-mail or user id and password, and holds 300 seconds', async () => {
  const answer = await signIn('alice@example.org')
  expect([answer.statusCode, answer.headers['cache-control']]).toEqual([200, 'no-store'])
  expect(answer.json()).toEqual({ token_type: 'Bearer', token: expect.any(String), expires_in: 300 })
  const account = await house.deps.accounts.get(house.db, 'alice')
  expect(decodeJwt(answer.json().token)).toEqual({
    iss: 'http://hub.omega.localhost:8080',
    aud: 'http://hub.omega.localhost:8080',
    sub: String(account.id),
    user_id: account.id,
    email: 'alice@example.org',
    username: 'alice',
    orig_iat: seconds(),
    iat: seconds(),
    exp: seconds() + 300,
  })
})

const spellings = [
  'Bearer TOKEN',
  'bearer TOKEN',
  'ApiKey jwt:TOKEN',
  'ApiKey jwt:alice:TOKEN',
  'ApiKey jwt:bobby:TOKEN',
]
for (const spelling of spellings) {
  test(`${spelling} signs in as whom the token names`, async () => {
    await make('bobby')
    const answer = await config(spelling.replace('TOKEN', await tokenOf()))
    expect(answer.statusCode).toBe(200)
    expect(answer.json().objects[0].data.OMEGA_USERID).toBe('alice')
  })
}

test('the words that a client with a token uses of itself are its own name', async () => {
  await make('bobby')
  const authorization = `Bearer ${await tokenOf()}`
  for (const user of ['jwt', 'jwt:alice', 'alice', 'alice@example.org']) {
    expect((await config(authorization, `&user=${user}`)).statusCode).toBe(200)
  }
  for (const user of ['jwt:bobby', 'jwt:', 'bobby']) {
    expect((await config(authorization, `&user=${user}`)).statusCode).toBe(403)
  }
})

test('anybody can verify a token with the published key, which is no secret', async () => {
  const { keys } = (await house.open.inject('/.well-known/jwks.json')).json()
  expect(keys).toHaveLength(1)
  expect(keys[0]).not.toHaveProperty('d')
  const currentDate = new Date(house.time.now)
  const { payload } = await jwtVerify(await tokenOf(), createLocalJWKSet({ keys }), { currentDate })
  expect(payload['username']).toBe('alice')
})

test('the key lies encrypted in the database, and another process uses the same', async () => {
  const token = await tokenOf()
  const { value } = await house.db.selectFrom('settings').selectAll().executeTakeFirstOrThrow()
  expect(value).toMatch(/^v1\./)
  const second = await startHouse({ db: house.db, clock: house.deps.clock })
  expect((await second.open.inject('/.well-known/jwks.json')).json()).toEqual(
    (await house.open.inject('/.well-known/jwks.json')).json(),
  )
  const answer = await second.open.inject({ url: '/api/v1/config/', headers: { authorization: `Bearer ${token}` } })
  expect(answer.statusCode).toBe(200)
  await second.close()
})

const skews: { after: number; status: number; why: string }[] = [
  { after: 299, status: 200, why: 'within its time' },
  { after: 329, status: 200, why: 'a clock that is half a minute ahead' },
  { after: 331, status: 401, why: 'more than half a minute too old' },
  { after: -25, status: 200, why: 'a clock that is behind' },
]
for (const { after, status, why } of skews) {
  test(`${status} after ${after} s: ${why}`, async () => {
    const token = await tokenOf()
    house.time.now += after * 1000
    expect((await config(`Bearer ${token}`)).statusCode).toBe(status)
  })
}

test('wrong passwords and wrong bodies are 400 with errors', async () => {
  expect((await signIn('alice', 'another password')).json().errors).toMatchObject([{ code: 'credentials-wrong' }])
  for (const body of [{}, { username: 'alice' }, { username: 1, password }]) {
    const answer = await post('/token-auth/', body)
    expect([answer.statusCode, answer.json().errors[0].code]).toEqual([400, 'request-invalid'])
  }
})

test('a token is renewed for a week, without the password', async () => {
  let token = await tokenOf()
  for (let n = 0; n < 7 * 288 - 1; n += 144) {
    house.time.now += 299_000
    const answer = await post('/token-refresh/', { token })
    expect(answer.statusCode).toBe(200)
    token = answer.json().token
  }
  const begun = Number(decodeJwt(token)['orig_iat'])
  house.time.now = (begun + 7 * 86_400 - 10) * 1000
  const late = await house.deps.jwts.issue(await house.deps.accounts.get(house.db, 'alice'))
  expect((await post('/token-refresh/', { token: late })).statusCode).toBe(200)
  expect((await post('/token-refresh/', { token })).statusCode).toBe(400)
})

test('a renewed token remembers when it began, and ends after a week in any case', async () => {
  const first = await tokenOf()
  const began = seconds()
  house.time.now += 200_000
  const second = (await post('/token-refresh/', { token: first })).json().token
  expect(decodeJwt(second)).toMatchObject({ orig_iat: began, iat: began + 200 })
})

test('once the password was changed, nothing is renewed', async () => {
  const token = await tokenOf()
  house.time.now += 5_000
  const { id } = await house.deps.accounts.get(house.db, 'alice')
  await updateAccount(house.db, id, { password: { hash: passwordHash, at: house.time.now } })
  expect((await post('/token-refresh/', { token })).statusCode).toBe(400)
})

test('an account that was switched off is out at once', async () => {
  const token = await tokenOf()
  const { id } = await house.deps.accounts.get(house.db, 'alice')
  await updateAccount(house.db, id, { state: 'disabled' })
  expect((await config(`Bearer ${token}`)).statusCode).toBe(401)
  expect((await post('/token-refresh/', { token })).statusCode).toBe(400)
})

test('a token that was changed, or signed by nobody, is refused', async () => {
  const token = await tokenOf()
  const [head = '', body = '', signature = ''] = token.split('.')
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { ...decodeJwt(token), sub: '2', username: 'admin' }
  const forged = [
    `${head}.${part(claims)}.${signature}`,
    `${part({ alg: 'none' })}.${body}.`,
    `${part({ alg: 'none' })}.${body}.x`,
    `${part({ alg: 'HS256' })}.${body}.${signature}`,
    'a.b.c',
  ]
  for (const wrong of forged) expect((await config(`Bearer ${wrong}`)).statusCode).toBe(401)
})

async function theirToken(claims: JWTPayload = {}, { kid = 'one', key = theirs.privateKey, after = 300 } = {}) {
  const all = { iss: foreign.issuer, aud: foreign.audience, sub: 'f-1', preferred_username: 'alice', ...claims }
  return await new SignJWT(all)
    .setProtectedHeader({ alg: 'RS256', kid })
    .setIssuedAt(seconds())
    .setExpirationTime(seconds() + after)
    .sign(key)
}
const asThem = async (token: string) => await config(`Bearer ${token}`)

test('a token of an issuer that the site trusts is taken by name, and from then on by its subject', async () => {
  await make('bobby')
  const answer = await asThem(await theirToken())
  expect(answer.json().objects[0].data.OMEGA_USERID).toBe('alice')
  const renamed = await asThem(await theirToken({ preferred_username: 'bobby' }))
  expect(renamed.json().objects[0].data.OMEGA_USERID).toBe('alice')
  expect(jwks.asked(foreign.jwksUri)).toBe(1)
})

test('an address counts when its issuer has verified it', async () => {
  const claims = { preferred_username: 'somebody', email: 'ALICE@example.org' }
  expect((await asThem(await theirToken(claims))).statusCode).toBe(401)
  expect((await asThem(await theirToken({ ...claims, email_verified: true }))).statusCode).toBe(200)
})

test('nobody becomes an admin, staff or a machine by what another issuer says', async () => {
  for (const role of ['admin', 'staff', 'machine'] as const) {
    await make(`x${role}`, role)
    const claims = { sub: role, preferred_username: `x${role}` }
    expect((await asThem(await theirToken(claims))).statusCode).toBe(401)
    const mail = { sub: role, preferred_username: 'y', email: `x${role}@example.org`, email_verified: true }
    expect((await asThem(await theirToken(mail))).statusCode).toBe(401)
  }
  expect(await house.db.selectFrom('identities').select('id').execute()).toEqual([])
})

const refused: { why: string; token: () => Promise<string> }[] = [
  { why: 'for another audience', token: async () => await theirToken({ aud: 'other' }) },
  { why: 'of an issuer that nobody knows', token: async () => await theirToken({ iss: 'https://evil.example.org' }) },
  { why: 'without a subject', token: async () => await theirToken({ sub: '' }) },
  { why: 'too old', token: async () => await theirToken({}, { after: -31 }) },
  { why: 'signed with another key', token: async () => await theirToken({}, { key: others.privateKey }) },
  { why: 'of nobody here', token: async () => await theirToken({ preferred_username: 'nobody' }) },
]
for (const { why, token } of refused) {
  test(`a foreign token is refused: ${why}`, async () => expect((await asThem(await token())).statusCode).toBe(401))
}

test('a foreign token may be half a minute too old', async () => {
  expect((await asThem(await theirToken({}, { after: -29 }))).statusCode).toBe(200)
})

test('a new key of an issuer is found, without asking for every unknown one', async () => {
  await asThem(await theirToken())
  jwks.put(foreign.jwksUri, { keys: [{ ...(await exportJWK(others.publicKey)), kid: 'two' }] })
  const fresh = async () => await theirToken({}, { kid: 'two', key: others.privateKey })
  expect((await asThem(await fresh())).statusCode).toBe(401)
  house.time.now += 30_000
  expect((await asThem(await fresh())).statusCode).toBe(200)
  for (let n = 0; n < 5; n += 1) await asThem(await theirToken({}, { kid: `made-up-${n}` }))
  expect(jwks.asked(foreign.jwksUri)).toBe(2)
})

test('an issuer that is away is not the caller’s fault', async () => {
  jwks.put(foreign.jwksUri, undefined)
  expect((await asThem(await theirToken())).statusCode).toBe(503)
  expect((await config(`Bearer ${await tokenOf()}`)).statusCode).toBe(200)
})

async function rotate(endOld = false) {
  const chief = (await findAccount(house.db, 'chief')) ?? (await make('chief', 'admin'))
  const headers = { authorization: `ApiKey chief:${await house.deps.accounts.rotateKey(house.db, chief)}` }
  const answer = await house.open.inject({
    method: 'POST',
    url: '/api/v2/signing-keys/rotate',
    headers,
    payload: { endOld },
  })
  house.deps.accounts.forget('chief')
  expect(answer.statusCode).toBe(200)
  return answer.json().keys as { kid: string; signs: boolean; endsAt?: string }[]
}
const published = async (): Promise<string[]> =>
  (await house.open.inject('/.well-known/jwks.json')).json().keys.map((key: { kid: string }) => key.kid)

test('a new key signs, the one before verifies until what it signed has ended', async () => {
  const old = await tokenOf()
  const [before] = await published()
  const keys = await rotate()
  expect(keys).toMatchObject([{ signs: true }, { kid: before, signs: false, endsAt: expect.any(String) }])
  expect(await published()).toEqual(keys.map(({ kid }) => kid))
  const fresh = await tokenOf()
  expect(decodeProtectedHeader(fresh).kid).toBe(keys[0]?.kid)
  for (const token of [old, fresh]) expect((await config(`Bearer ${token}`)).statusCode).toBe(200)
  expect((await post('/token-refresh/', { token: old })).statusCode).toBe(200)
  house.time.now = Date.parse(keys[1]?.endsAt ?? '')
  expect(await published()).toEqual([keys[0]?.kid])
})

test('after a key became known, what it signed is void at once', async () => {
  const stolen = await tokenOf()
  const keys = await rotate(true)
  expect(keys).toHaveLength(1)
  expect((await config(`Bearer ${stolen}`)).statusCode).toBe(401)
  expect((await config(`Bearer ${await tokenOf()}`)).statusCode).toBe(200)
})

test('another process learns of a new key from the first token that it signed', async () => {
  const other = createRooms(house.db, house.deps.clock).jwts
  await tokenOf()
  await rotate()
  await other.publicKeys()
  await rotate()
  expect((await other.verify(await tokenOf())).name).toBe('alice')
})

test('keys are rotated by admins only', async () => {
  const headers = { authorization: `Bearer ${await tokenOf()}` }
  for (const [method, url] of [
    ['GET', '/api/v2/signing-keys'],
    ['POST', '/api/v2/signing-keys/rotate'],
  ] as const) {
    expect((await house.open.inject({ method, url, headers, payload: {} })).statusCode).toBe(403)
  }
})

test('a site may take tokens only: keys of people work inside the cluster alone', async () => {
  await house.close()
  house = await startHouse({ site: siteWith({ jwtOnly: true }) })
  const alice = await make('alice')
  const key = `ApiKey alice:${await house.deps.accounts.rotateKey(house.db, alice)}`
  const outside = async (authorization: string) =>
    await house.open.inject({ url: '/api/v1/config/', headers: { authorization } })
  const refused = await outside(key)
  expect([refused.statusCode, refused.json().error.code]).toEqual([401, 'api-keys-off'])
  const basic = Buffer.from(key.slice('ApiKey '.length)).toString('base64')
  expect((await outside(`Basic ${basic}`)).statusCode).toBe(401)
  expect((await outside(`Bearer ${await tokenOf()}`)).statusCode).toBe(200)
  expect((await config(key)).statusCode).toBe(200)
  await rotate()
})
