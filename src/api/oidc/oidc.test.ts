import { decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hashPassword } from '../../accounts/password.ts'
import { sessionCookie } from '../cookie.ts'
import { closeSession, openSession } from '../../accounts/sessions.ts'
import { startHouse, type TestHouse } from '../testing.ts'
import { systemClock } from '../../base/clock.ts'

const callback = 'http://notebook.omega.localhost:8080/hub/oauth_callback'
const client = { id: 'jupyterhub', secret: 'secretOfTheHubForTheTests', redirectUris: [callback] }
const host = 'hub.omega.localhost:8080'
const authorize = `/oidc/auth?${new URLSearchParams({
  client_id: client.id,
  redirect_uri: callback,
  response_type: 'code',
  scope: 'openid profile email',
  state: 'of-the-hub',
}).toString()}`

let house: TestHouse

beforeEach(async () => {
  house = await startHouse({ oidcClients: [client], clock: systemClock })
  const passwordHash = await hashPassword('correct horse battery')
  await house.db.transaction().execute(async (tx) => {
    await house.deps.accounts.create(tx, { name: 'alice', email: 'a@x.org', role: 'user', rights: [], passwordHash })
  })
})
afterEach(async () => await house.close())

/** A browser: keeps cookies, and follows redirects within the hub. */
function browser() {
  const jar = new Map<string, string>()
  const get = async (url: string) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await house.open.inject({ url, headers: { host, cookie } })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }
  const follow = async (url: string): Promise<string> => {
    const answer = await get(url)
    const to = new URL(String(answer.headers.location ?? ''), `http://${host}${url}`)
    if (to.host !== host || !to.pathname.startsWith('/oidc')) return to.href
    return await follow(`${to.pathname}${to.search}`)
  }
  const signIn = async () => {
    const account = await house.deps.accounts.get(house.db, 'alice')
    const { id } = await openSession(house.db, account, systemClock.now())
    const [name = '', value = ''] = sessionCookie(id, house.deps.site).split(';', 1)[0]?.split('=') ?? []
    jar.set(name, value)
    return id
  }
  return { follow, signIn }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** What JupyterHub does with a code, on the internal side. */
async function exchange(code: string, secret = client.secret) {
  const wish = { grant_type: 'authorization_code', code, redirect_uri: callback, client_id: client.id }
  const payload = new URLSearchParams({ ...wish, client_secret: secret }).toString()
  const answer = await house.inside.inject({ method: 'POST', url: '/oidc/token', headers: form, payload })
  return { status: answer.statusCode, body: answer.json<Record<string, string>>() }
}

async function userOf(code: string) {
  const { body } = await exchange(code)
  const headers = { authorization: `Bearer ${body['access_token']}` }
  return (await house.inside.inject({ url: '/oidc/me', headers })).json<Record<string, unknown>>()
}

async function signedInCode(page = browser()) {
  await page.signIn()
  const to = new URL(await page.follow(authorize))
  expect(`${to.origin}${to.pathname}`).toBe(callback)
  expect(to.searchParams.get('state')).toBe('of-the-hub')
  return to.searchParams.get('code') ?? ''
}

const isOpen = async (sid: unknown) => (await house.inside.inject({ url: `/oidc/sessions/${String(sid)}` })).statusCode

test('who is not signed in is sent to our sign-in, and from there back', async () => {
  const to = new URL(await browser().follow(authorize))
  expect(to.pathname).toBe('/accounts/login')
  expect(to.searchParams.get('next')).toMatch(/^\/oidc\/interaction\/[\w-]+$/)
})

test('who is signed in with us is signed in there, by name', async () => {
  const user = await userOf(await signedInCode())
  expect(user).toMatchObject({ preferred_username: 'alice', email: 'a@x.org', sub: expect.stringMatching(/^\d+$/) })
})

test('a code works once, and with the secret only', async () => {
  const code = await signedInCode()
  expect((await exchange(code, 'wrong')).status).toBe(401)
  expect((await exchange(code)).status).toBe(200)
  expect((await exchange(code)).status).toBe(400)
})

test('signing out of us ends what came from it, and the next sign-in asks again', async () => {
  const page = browser()
  const id = await page.signIn()
  const code = new URL(await page.follow(authorize)).searchParams.get('code') ?? ''
  const { sid } = await userOf(code)
  expect(await isOpen(sid)).toBe(204)
  await closeSession(house.db, id)
  expect(await isOpen(sid)).toBe(404)
  expect(new URL(await page.follow(authorize)).pathname).toBe('/accounts/login')
})

test('another address than the registered one gets nothing', async () => {
  const page = browser()
  await page.signIn()
  const answer = await house.open.inject({ url: authorize.replace('oauth_callback', 'elsewhere'), headers: { host } })
  expect(answer.statusCode).toBe(400)
  expect(answer.headers.location).toBeUndefined()
})

test('the internal side has no authorization, the public one no session check', async () => {
  expect((await house.inside.inject({ url: authorize })).statusCode).toBe(404)
  expect((await house.open.inject({ url: '/oidc/sessions/x' })).statusCode).toBe(404)
})

test('says where it is', async () => {
  const answer = await house.open.inject({ url: '/oidc/.well-known/openid-configuration', headers: { host } })
  expect(answer.json()).toMatchObject({
    issuer: 'http://hub.omega.localhost:8080/oidc',
    authorization_endpoint: 'http://hub.omega.localhost:8080/oidc/auth',
    end_session_endpoint: 'http://hub.omega.localhost:8080/oidc/session/end',
    response_types_supported: ['code'],
  })
})

test('a sign-in that was begun before the key was replaced goes on, and its ID token is signed by the new one', async () => {
  const page = browser()
  await page.signIn()
  await page.follow(authorize)
  const { signingKeys } = house.deps.jwts
  const made = await signingKeys.make()
  await house.db.transaction().execute(async (tx) => await signingKeys.rotate(tx, made, { endOld: false }))
  signingKeys.forget()
  // The provider's own session goes on: its cookies were signed with the key before.
  const code = new URL(await page.follow(authorize)).searchParams.get('code') ?? ''
  const { body } = await exchange(code)
  expect(decodeProtectedHeader(body['id_token'] ?? '').kid).toBe(made.kid)
  const jwks = (await house.inside.inject('/oidc/jwks')).json<{ keys: { kid: string }[] }>()
  expect(jwks.keys.map(({ kid }) => kid)).toEqual([made.kid, expect.any(String)])
})
