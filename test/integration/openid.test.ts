import { randomBytes } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import type { Role } from '../../src/accounts/account.ts'
import { findMemberRole, findGroup } from '../../src/accounts/group-store.ts'
import { openSession } from '../../src/accounts/sessions.ts'
import { AppError } from '../../src/base/errors.ts'
import { createGroup, setMember, removeMember } from '../../src/api/group-cases.ts'
import { siteWith, startHouse, type TestHouse } from '../../src/api/testing.ts'
import { createOpenidIssuer } from '../../src/adapters/openid/client.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { startIssuer, type TestIssuer } from '../support/issuer.ts'

/** People of another cloudmgr come in here: the real library against the real provider, in a browser's steps. */
const publicUrl = 'http://hub.omega.localhost:8080'
const callback = `${publicUrl}/accounts/openid/callback`
const signedOut = `${publicUrl}/accounts/openid/signed-out`
let other: TestIssuer
let house: TestHouse

afterEach(async () => await Promise.all([house.close(), other.close()]))

async function open(facts: object = {}, signUp: object = {}): Promise<void> {
  other = await startIssuer(callback, signedOut)
  const openid = { ...other.settings, label: 'the other site', accounts: true, ...facts }
  const site = siteWith({ publicUrl, openid, signUp: { open: false, ...signUp } })
  const issuer = createOpenidIssuer({ ...site.openid!, clientSecret: other.secret }, () => Date.now())
  const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
  house = await startHouse({ site, clock: systemClock, openid: { issuer, keys } })
}

/** A browser on our side. */
function browser() {
  const jar = new Map<string, string>()
  async function get(url: string) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await house.open.inject({ url, headers: { cookie } })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return { status: answer.statusCode, to: String(answer.headers.location ?? ''), body: answer.body }
  }
  /** From the button to where it ends, as somebody of the other site. */
  async function signIn(
    name: string,
    { next, change = (url: URL) => url }: { next?: string; change?: (url: URL) => URL } = {},
  ) {
    const there = await get(`/accounts/openid${next === undefined ? '' : `?next=${encodeURIComponent(next)}`}`)
    const back = change(new URL(await other.visit(there.to, name)))
    return await get(`${back.pathname}${back.search}`)
  }
  const who = async () => {
    const { status, body } = await get('/api/v2/session')
    return status === 200 ? (JSON.parse(body).account as { userid: string; role: string; email: string }) : undefined
  }
  /** The button of our pages; what is answered. */
  const signOut = async () => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const { csrfToken } = JSON.parse((await get('/api/v2/session')).body) as { csrfToken: string }
    const headers = { cookie, origin: publicUrl, 'x-csrf-token': csrfToken }
    const answer = await house.open.inject({ method: 'DELETE', url: '/api/v2/session', headers })
    return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() }
  }
  return { get, signIn, signOut, who, jar }
}

/** Signed in here by a browser of somebody there. */
async function cameBy(name: string) {
  const there = await other.browser(name)
  const page = browser()
  const back = new URL(await there.visit((await page.get('/accounts/openid')).to))
  await page.get(`${back.pathname}${back.search}`)
  expect(await page.who()).toMatchObject({ userid: name })
  return { there, page }
}

async function account(
  name: string,
  { role = 'user', mailConfirmed = true }: { role?: Role; mailConfirmed?: boolean } = {},
) {
  const wish = { name, email: `${name}@example.org`, role, rights: [], passwordHash: null, mailConfirmed } as const
  return (await house.db.transaction().execute(async (tx) => await house.deps.accounts.create(tx, wish))).account
}

const ordered = async (plan = 'signup') =>
  (await house.db.selectFrom('commands').select(['phase', 'params', 'subject']).where('plan', '=', plan).execute()).map(
    (row) => ({ ...row, subject: Number(row.subject) }),
  )
const problem = (code: string) => `/accounts/login?problem=${code}`

test('who comes for the first time gets an account, and is known from then on whatever changes there', async () => {
  await open()
  await other.person('alice')
  const page = browser()
  expect(await page.signIn('alice', { next: '/accounts' })).toMatchObject({ status: 303, to: '/accounts' })
  expect(await page.who()).toMatchObject({ userid: 'alice', role: 'user', email: 'alice@example.org' })
  expect(await ordered()).toMatchObject([{ phase: 'install' }])

  await other.renamed('alice', 'elsewhere@example.org')
  const again = browser()
  await again.signIn('alice')
  expect(await again.who()).toMatchObject({ userid: 'alice', email: 'alice@example.org' })
  expect(await ordered()).toHaveLength(1)
})

test('the page is told of the button, and one leads there with PKCE, state and nonce', async () => {
  await open()
  expect(JSON.parse((await browser().get('/api/v2/site')).body).openid).toEqual({
    label: 'the other site',
    url: '/accounts/openid',
  })
  const page = browser()
  const { status, to } = await page.get('/accounts/openid')
  const asked = new URL(to).searchParams
  expect([status, asked.get('code_challenge_method'), asked.get('redirect_uri')]).toEqual([303, 'S256', callback])
  for (const word of ['state', 'nonce', 'code_challenge']) expect(asked.get(word)?.length).toBeGreaterThan(20)
  // The browser keeps the words, and can't read them.
  expect([...page.jar.values()].join()).not.toContain(asked.get('state'))
})

const attacks: { why: string; change: (url: URL) => URL }[] = [
  { why: 'a tampered state', change: (url) => (url.searchParams.set('state', 'another'), url) },
  { why: 'no state', change: (url) => (url.searchParams.delete('state'), url) },
  { why: 'another code', change: (url) => (url.searchParams.set('code', 'another'), url) },
  { why: 'another issuer’s word', change: (url) => (url.searchParams.set('iss', 'https://evil.test'), url) },
]
for (const { why, change } of attacks) {
  test(`${why} in the answer signs nobody in`, async () => {
    await open()
    await other.person('alice')
    const page = browser()
    expect((await page.signIn('alice', { change })).to).toBe(problem('outside-refused'))
    expect(await page.who()).toBeUndefined()
  })
}

test('a wrong nonce signs nobody in', async () => {
  await open()
  await other.person('alice')
  const page = browser()
  const there = new URL((await page.get('/accounts/openid')).to)
  there.searchParams.set('nonce', 'of-another-sign-in')
  const back = new URL(await other.visit(there.href, 'alice'))
  expect((await page.get(`${back.pathname}${back.search}`)).to).toBe(problem('outside-refused'))
  expect(await page.who()).toBeUndefined()
})

test('an answer is taken by the browser that asked, and once', async () => {
  await open()
  await other.person('mallory')
  const mallory = browser()
  const there = await mallory.get('/accounts/openid')
  const back = new URL(await other.visit(there.to, 'mallory'))
  const link = `${back.pathname}${back.search}`
  const victim = browser()
  expect((await victim.get(link)).to).toBe(problem('outside-refused'))
  expect(await victim.who()).toBeUndefined()
  await mallory.get(link)
  expect(await mallory.who()).toMatchObject({ userid: 'mallory' })
  expect((await mallory.get(link)).to).toBe(problem('outside-refused'))
})

for (const next of ['https://evil.test/', '//evil.test', '/\\evil.test', 'javascript:alert(1)', '/\tx']) {
  test(`${JSON.stringify(next)} is no way out`, async () => {
    await open()
    await other.person('alice')
    expect((await browser().signIn('alice', { next })).to).toBe('/')
  })
}

test('an address that is not verified there makes no account and opens none', async () => {
  await open()
  await account('bobby')
  await other.person('bobby', 'bobby@example.org', { verified: false })
  const page = browser()
  expect((await page.signIn('bobby')).to).toBe(problem('outside-address-unverified'))
  expect(await page.who()).toBeUndefined()
})

for (const role of ['admin', 'staff'] as const) {
  test(`the address of an account of role ${role} opens nothing`, async () => {
    await open()
    await account('chief', { role })
    await other.person('chief')
    const page = browser()
    expect((await page.signIn('chief')).to).toBe(problem('outside-address-taken'))
    expect(await page.who()).toBeUndefined()
  })
}

test('whoever gained rights over others here since they were linked does not come in this way any more', async () => {
  await open()
  const alice = await account('alice')
  await other.person('alice')
  await browser().signIn('alice')
  await house.db.updateTable('accounts').set({ role: 'admin' }).where('id', '=', alice.id).execute()
  expect((await browser().signIn('alice')).to).toBe(problem('outside-role'))
})

test('an account with the verified address is linked; one that never confirmed it is not', async () => {
  await open()
  await account('alice')
  await account('bobby', { mailConfirmed: false })
  for (const name of ['alice', 'bobby']) await other.person(name)
  const [alice, bobby] = [browser(), browser()]
  await alice.signIn('alice')
  expect(await alice.who()).toMatchObject({ userid: 'alice' })
  expect((await bobby.signIn('bobby')).to).toBe(problem('outside-address-unconfirmed'))
})

test('who signed up with somebody else’s address does not get the account of its owner', async () => {
  await open({}, { open: true })
  const wish = { email: 'alice@example.org', password: 'of the attacker' }
  await house.open.inject({ method: 'POST', url: '/api/v2/signup', payload: wish })
  await other.person('alice')
  const page = browser()
  await page.signIn('alice')
  expect(await page.who()).toMatchObject({ userid: 'alice' })
  const payload = { login: 'alice', password: wish.password }
  expect((await house.open.inject({ method: 'POST', url: '/api/v2/session', payload })).statusCode).toBe(401)
})

test('a deactivated account stays closed, known by link or by address', async () => {
  await open()
  const alice = await account('alice')
  await account('bobby')
  for (const name of ['alice', 'bobby']) await other.person(name)
  await browser().signIn('alice')
  await house.db.updateTable('accounts').set({ status: 'disabled' }).execute()
  for (const name of ['alice', 'bobby']) expect((await browser().signIn(name)).to).toBe(problem('account-disabled'))
  await house.db.updateTable('accounts').set({ status: 'active' }).where('id', '=', alice.id).execute()
  const page = browser()
  await page.signIn('alice')
  expect(await page.who()).toMatchObject({ userid: 'alice' })
})

test('without a word that accounts are made, strangers get none; domains and approval hold as for sign-up', async () => {
  await open({ accounts: false })
  await other.person('alice')
  expect((await browser().signIn('alice')).to).toBe(problem('outside-no-account'))
  await Promise.all([house.close(), other.close()])

  await open({}, { domains: ['good.org'], approval: true })
  await other.person('alice')
  await other.person('bobby', 'bobby@good.org')
  expect((await browser().signIn('alice')).to).toBe(problem('mail-domain-refused'))
  const page = browser()
  expect((await page.signIn('bobby')).to).toBe('/accounts/waiting')
  expect(await page.who()).toBeUndefined()
  expect((await house.deps.accounts.get(house.db, 'bobby')).state).toBe('waiting-approval')
  expect(await ordered()).toEqual([])
})

test('groups follow the claim at each sign-in; leaving one there orders it new passwords here', async () => {
  const groups = [
    { value: 'lab', group: 'research' },
    { value: 'nowhere', group: 'missing' },
  ]
  await open({ groups })
  const boss = await account('admin', { role: 'admin' })
  const made = await createGroup(house.deps, boss, { name: 'research' })
  await house.deps.deployments.ensurePending(house.db, await house.deps.accounts.get(house.db, 'g-research'), 'omegaml')
  await house.deps.deployments.settle(house.db, made.group.accountId, 'omegaml', { outcome: 'completed' })
  await createGroup(house.deps, boss, { name: 'byhand' })

  const there = await other.house.db.transaction().execute(async (tx) => {
    const wish = { name: 'root', email: 'root@example.org', role: 'admin', rights: [], passwordHash: null } as const
    return (await other.house.deps.accounts.create(tx, wish)).account
  })
  await other.person('alice')
  const { group } = await createGroup(other.house.deps, there, { name: 'lab' })
  await setMember(other.house.deps, there, group, { account: 'alice', role: 'member' })

  await browser().signIn('alice')
  const alice = await house.deps.accounts.get(house.db, 'alice')
  expect(await findMemberRole(house.db, made.group.id, alice.id)).toBe('member')
  const byhand = (await findGroup(house.db, 'byhand'))!
  await setMember(house.deps, boss, byhand, { account: 'alice', role: 'member' })
  const rotations = async () =>
    (await ordered('omegaml')).filter(({ subject, phase }) => subject === made.group.accountId && phase === 'update')
  expect(await rotations()).toEqual([])

  await removeMember(other.house.deps, there, group, 'alice')
  await browser().signIn('alice')
  expect(await findMemberRole(house.db, made.group.id, alice.id)).toBeUndefined()
  expect((await rotations()).map(({ params }) => JSON.parse(params))).toEqual([{ rotate: true }])
  // What no rule names is the site's own.
  expect(await findMemberRole(house.db, byhand.id, alice.id)).toBe('member')
  await browser().signIn('alice')
  expect(await rotations()).toHaveLength(1)
})

test('roles follow the claim where the site says so', async () => {
  const roles = [{ value: 'desk', role: 'staff', rights: ['accounts:read'] }]
  await open({ roles })
  const there = await other.house.db.transaction().execute(async (tx) => {
    const wish = { name: 'root', email: 'root@example.org', role: 'admin', rights: [], passwordHash: null } as const
    return (await other.house.deps.accounts.create(tx, wish)).account
  })
  await other.person('carol')
  const { group } = await createGroup(other.house.deps, there, { name: 'desk' })
  await setMember(other.house.deps, there, group, { account: 'carol', role: 'member' })
  const page = browser()
  await page.signIn('carol')
  expect(await page.who()).toMatchObject({ userid: 'carol', role: 'staff', rights: ['accounts:read'] })
  expect(await ordered()).toEqual([])

  await removeMember(other.house.deps, there, group, 'carol')
  const later = browser()
  await later.signIn('carol')
  expect(await later.who()).toMatchObject({ role: 'user', rights: [] })
  // What she was signed in as before is over.
  expect(await page.who()).toBeUndefined()
  expect(await ordered()).toMatchObject([{ phase: 'install' }])
})

test('who signs out here is signed out there, too, and comes back', async () => {
  await open()
  await other.person('alice')
  const { there, page } = await cameBy('alice')
  const { status, body } = await page.signOut()
  expect([status, body.elsewhere.label, await page.who()]).toEqual([200, 'the other site', undefined])
  expect(await there.isSignedIn()).toBe(true)
  expect(await there.visit(body.elsewhere.url)).toBe(signedOut)
  expect(await there.isSignedIn()).toBe(false)
  expect(await page.get('/accounts/openid/signed-out')).toMatchObject({
    status: 303,
    to: '/accounts/login?signedOut=true',
  })
  // The next one has to sign in there.
  expect(new URL(await there.visit((await page.get('/accounts/openid')).to)).pathname).toBe('/accounts/login')
})

test('an own sign-in ends with nothing to say; nor does any token of the other issuer lie in the database', async () => {
  await open()
  await other.person('alice')
  const { page } = await cameBy('alice')
  const { outside } = await house.db.selectFrom('sessions').select('outside').executeTakeFirstOrThrow()
  expect(outside).toMatch(/^v1\./)
  expect(await page.signOut()).toMatchObject({ status: 200 })
  const own = browser()
  const { id } = await openSession(house.db, await house.deps.accounts.get(house.db, 'alice'), systemClock.now())
  own.jar.set('cloudmgr', id)
  expect(await own.signOut()).toEqual({ status: 204, body: undefined })
})

test('an issuer that can’t end its sessions, or is away, leaves one signed in there, which is said', async () => {
  await open()
  await other.person('alice')
  const { page } = await cameBy('alice')
  const end = vi.spyOn(house.deps.openid!.issuer, 'end')
  end.mockResolvedValueOnce(undefined)
  expect((await page.signOut()).body).toEqual({ elsewhere: { label: 'the other site' } })
  expect(await page.who()).toBeUndefined()
  const { page: again } = await cameBy('alice')
  end.mockRejectedValueOnce(new AppError('unavailable', 'issuer-unreachable', 'asking the issuer'))
  expect((await again.signOut()).body).toEqual({ elsewhere: { label: 'the other site' } })
})

test('nobody is signed out there by an address that somebody else made up: the page asks', async () => {
  await open()
  for (const name of ['alice', 'mallory']) await other.person(name)
  const mallory = await cameBy('mallory')
  const { url } = (await mallory.page.signOut()).body.elsewhere
  const { there } = await cameBy('alice')
  const at = new URL(other.settings.issuer).origin
  const hint = new URL(url).searchParams.get('id_token_hint') ?? ''
  const cases: Record<string, string>[] = [
    Object.fromEntries(new URL(url).searchParams),
    {},
    { post_logout_redirect_uri: signedOut, client_id: 'site' },
    { id_token_hint: 'x.y.z' },
    { id_token_hint: `${hint.slice(0, -4)}AAAA` },
    { id_token_hint: hint, client_id: 'another' },
  ]
  for (const asked of cases) {
    const to = await there.visit(`${at}/oidc/session/end?${new URLSearchParams(asked).toString()}`)
    expect(to, JSON.stringify(Object.keys(asked))).toBe(`${at}/accounts/logout`)
  }
  expect(await there.isSignedIn()).toBe(true)
  // A form, as some programs send it; and an address that is not registered leads nowhere.
  const body = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: 'https://evil.test/' })
  const own = await mallory.there.visit(`${at}/oidc/session/end`, { method: 'POST', body })
  expect(own).toBe(`${at}/accounts/login?signedOut=true`)
  expect(await mallory.there.isSignedIn()).toBe(false)
})

test('an issuer that is away is told on the page, and the rest goes on', async () => {
  await open()
  await other.close()
  expect((await browser().get('/accounts/openid')).to).toBe(problem('issuer-unreachable'))
  other = { ...other, close: async () => {} }
})
