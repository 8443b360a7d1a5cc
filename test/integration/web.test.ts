import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createFakeIssuer } from '../../src/adapters/openid/fake.ts'
import { AppError } from '../../src/base/errors.ts'
import { beginCluster } from '../../src/clusters/cluster-rows.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { withPage } from '../support/browser.ts'
import { adminPassword, buildPages, hurdles, type Pages, servePages, watch } from '../support/pages.ts'

const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-web-'))
const password = 'correct horse battery'
let pages: Pages

beforeAll(async () => await buildPages(folder), 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(async () => await pages.close())

/** Uses the pages in a browser; whatever they complain of fails the test. */
async function browse(use: (page: Page) => Promise<void>): Promise<void> {
  await withPage(async (page) => {
    page.setDefaultTimeout(20_000)
    const complaints = watch(page)
    await use(page)
    expect(complaints).toEqual([])
  })
}

const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name })
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true })
const mailsTo = async (to: string) => (await pages.admin.get(`/api/v2/mails?to=${to}`)).body.mails
const linkIn = (text: string) => /go to (http\S+)/.exec(text)?.[1] ?? 'no link'

async function signIn(page: Page, login: string, word = password): Promise<void> {
  await page.goto(`${pages.url}/accounts/login`)
  await page.fill('[name=login]', login)
  await page.fill('[name=password]', word)
  await button(page, 'Sign in').click()
}

async function signUp(page: Page, email: string): Promise<void> {
  await page.goto(`${pages.url}/accounts/signup`)
  await page.fill('[name=email]', email)
  await page.fill('[name=password1]', password)
  await button(page, 'Create account').click()
}

/** Holds the last step of every account until it is let go. */
function holdNotebook(): () => void {
  const { jupyterhub } = pages.outside
  const gate = Promise.withResolvers<void>()
  const ensureUser = jupyterhub.ensureUser.bind(jupyterhub)
  Object.assign(jupyterhub, {
    ensureUser: async (...words: Parameters<typeof ensureUser>) => {
      await gate.promise
      return await ensureUser(...words)
    },
  })
  return gate.resolve
}

test('from the front page to an account that works', async () => {
  pages = await servePages(folder)
  await pages.engine.start()
  const letGo = holdNotebook()
  await browse(async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.goto(pages.url)
    await heading(page, 'Sign in').waitFor()
    await page.getByRole('link', { name: 'Sign up here' }).click()
    await page.fill('[name=email]', 'alice@example.org')
    await page.fill('[name=password1]', password)
    await button(page, 'Create account').click()
    await heading(page, 'Verify Your E-mail Address').waitFor()

    const [mail] = await mailsTo('alice@example.org')
    await page.goto(linkIn(mail.text))
    await heading(page, 'Confirm E-mail Address').waitFor()
    await button(page, 'Confirm').click()
    await page.getByRole('link', { name: 'Login' }).click()
    await page.fill('[name=login]', 'alice@example.org')
    await page.fill('[name=password]', password)
    await button(page, 'Sign in').click()

    await heading(page, 'Your account is being set up').waitFor()
    await page.locator('li[data-state=done]', { hasText: 'Database' }).waitFor()
    await page.locator('li[data-state=running]', { hasText: 'Notebook' }).waitFor()
    expect(await hurdles(page)).toEqual([])
    letGo()

    await heading(page, 'Hello, alice').waitFor()
    await page.getByRole('heading', { name: 'Your apps' }).waitFor()
    await page.getByRole('heading', { name: 'omegaml' }).waitFor()
    const notebook = page.getByRole('link', { name: 'Notebook' })
    expect(await notebook.getAttribute('href')).toBe(
      'http://notebook.omega.localhost:8080/hub/oauth_login?next=%2Fhub%2Fspawn',
    )

    const asked = "fetch('/api/v2/accounts/alice/credentials').then((answer) => answer.json())"
    const { apikey } = await page.evaluate<{ apikey: string }>(asked)
    await button(page, 'Copy login command').click()
    await page.getByText('login command copied').waitFor()
    const line = `om cloud login alice ${apikey} --apiurl ${pages.url}`
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(line)
    expect(await page.locator('main').innerText()).not.toContain(apikey)
    await button(page, 'Show API key').click()
    const shown = await page.locator('dd', { has: button(page, 'Hide API key') }).innerText()
    expect(shown.trim()).toBe(apikey)
    expect((await pages.as('alice', shown.trim()).get('/api/v1/config/')).status).toBe(200)

    await button(page, 'Replace credentials…').click()
    expect(await hurdles(page)).toEqual([])
    await button(page, 'Replace now').click()
    await page.getByRole('status').filter({ hasText: 'The new API key is in place' }).waitFor()
    const replaced = await page.locator('dd', { has: button(page, 'Hide API key') }).innerText()
    expect((await pages.as('alice', replaced.trim()).get('/api/v1/config/')).status).toBe(200)
    expect((await pages.as('alice', apikey).get('/api/v1/config/')).status).toBe(401)

    await button(page, 'Sign out').click()
    await heading(page, 'Sign in').waitFor()
    await page.goto(pages.url)
    await heading(page, 'Sign in').waitFor()
    expect(await page.evaluate("fetch('/api/v2/accounts/alice').then((answer) => answer.status)")).toBe(401)
  })
})

test('what is wrong is told at its field', async () => {
  pages = await servePages(folder, { domains: ['example.org'] })
  await browse(async (page) => {
    const wrong = async (name: string) => {
      const field = page.locator(`[name=${name}][aria-invalid=true]`)
      await field.waitFor()
      const [told = ''] = (await field.getAttribute('aria-describedby'))?.split(' ') ?? []
      return await page.locator(`[id="${told}"]`).innerText()
    }
    await page.goto(`${pages.url}/accounts/signup`)
    await page.fill('[name=email]', 'alice')
    await page.fill('[name=password1]', 'short')
    await button(page, 'Create account').click()
    expect(await wrong('password1')).toMatch(/10 to 128 characters/)
    expect(await wrong('email')).not.toBe('')
    expect(await page.evaluate('document.activeElement.name')).toBe('email')
    expect(await hurdles(page)).toEqual([])

    await page.fill('[name=email]', 'alice@elsewhere.net')
    await page.fill('[name=password1]', password)
    await button(page, 'Create account').click()
    await page.locator('[name=password1]:not([aria-invalid=true])').waitFor()
    expect(await wrong('email')).toMatch(/example\.org/)

    await page.goto(`${pages.url}/accounts/confirm?email=alice@example.org`)
    await page.fill('[name=token]', '000123')
    await button(page, 'Confirm').click()
    expect(await wrong('token')).not.toBe('')

    await page.goto(`${pages.url}/accounts/login`)
    await button(page, 'Sign in').click()
    expect(await wrong('login')).toBe('Expected: your user id or e-mail address.')
    await signIn(page, 'alice', 'not the password')
    await page.getByRole('alert').filter({ hasText: 'password is wrong' }).waitFor()
    expect(await hurdles(page)).toEqual([])
    await page.goto(`${pages.url}/accounts/confirm?token=used`)
    await button(page, 'Confirm').click()
    await page.getByRole('alert').filter({ hasText: 'was not confirmed' }).waitFor()
  })
})

test('a typed token confirms; a forgotten password is replaced, and the old one is of no use', async () => {
  pages = await servePages(folder)
  await pages.engine.start()
  await browse(async (page) => {
    await signUp(page, 'alice@example.org')
    await heading(page, 'Verify Your E-mail Address').waitFor()
    const [{ text }] = await mailsTo('alice@example.org')
    await page.fill('[name=token]', ` ${/token=(\w+)/.exec(text)?.[1]} `)
    await button(page, 'Confirm').click()
    await heading(page, 'Your e-mail address is confirmed').waitFor()

    await page.goto(`${pages.url}/accounts/login`)
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.fill('[name=email]', 'alice@example.org')
    await button(page, 'Send the link').click()
    await page.getByRole('status').filter({ hasText: 'on its way' }).waitFor()

    const [mail] = await mailsTo('alice@example.org')
    expect(mail.kind).toBe('reset-password')
    await page.goto(linkIn(mail.text))
    await page.fill('[name=password]', 'another long password')
    await button(page, 'Change password').click()
    await page.getByRole('status').filter({ hasText: 'Your password is changed' }).waitFor()
    await signIn(page, 'alice', password)
    await page.getByRole('alert').filter({ hasText: 'password is wrong' }).waitFor()
    await signIn(page, 'alice', 'another long password')
    await heading(page, 'Hello, alice').waitFor()
  })
})

test('an admin reads the mails, approves one account and refuses another', async () => {
  pages = await servePages(folder, { approval: true, confirmation: false })
  await pages.engine.start()
  await browse(async (page) => {
    for (const name of ['alice', 'mallory']) {
      await signUp(page, `${name}@example.org`)
      await heading(page, 'Waiting for approval').waitFor()
    }
    await signIn(page, 'alice')
    await page.getByRole('alert').filter({ hasText: 'approval' }).waitFor()

    await signIn(page, 'admin', adminPassword)
    await heading(page, 'Hello, admin').waitFor()
    await button(page, 'Approve alice').click()
    await page.getByRole('status').filter({ hasText: 'alice is approved' }).waitFor({ state: 'attached' })
    await button(page, 'Reject mallory').click()
    await button(page, 'Reject and remove').click()
    await page.getByText('Nobody waits').waitFor()

    await page.getByRole('link', { name: 'Accounts' }).click()
    await page.getByRole('row', { name: /alice.*Active/ }).waitFor()
    expect(await page.getByRole('row', { name: /mallory/ }).count()).toBe(0)
    expect(await hurdles(page)).toEqual([])

    await page.getByRole('link', { name: 'Mails' }).click()
    await page.getByText('mallory@example.org').waitFor()
    await page.getByText('omega|ml: Your account is open').click()
    await page.getByText(/go to http.*accounts\/login/).waitFor()
    expect(await hurdles(page)).toEqual([])
  })
})

test('an admin sees the machines, whose they are, and the clusters beside the site’s own', async () => {
  pages = await servePages(folder)
  const node = {
    addresses: [],
    role: 'worker',
    ready: 'True',
    capacity: { cpu: '4', memory: '16Gi' },
    labels: {},
  } as const
  const nodes = vi.spyOn(pages.deps.status, 'nodes').mockResolvedValue([
    { ...node, name: 'node-1', role: 'dbmaster', capacity: { cpu: '2', memory: '8056300Ki' } },
    { ...node, name: 'alice-gpu-1', ready: 'Unknown', labels: { 'omegaml.io/pool': 'alice-gpu' } },
    { ...node, name: 'second-1', cluster: 'second' },
  ])
  const { id } = await pages.deps.accounts.get(pages.db, 'admin')
  await beginCluster(pages.db, { name: 'second', account: id, provider: 'local' }, Date.now())
  await browse(async (page) => {
    await signIn(page, 'admin', adminPassword)
    await page.getByRole('link', { name: 'Machines' }).click()
    await page.getByRole('row', { name: /node-1 Ready dbmaster 2 7\.7 GB the site’s own the site’s/ }).waitFor()
    await page.getByRole('row', { name: /alice-gpu-1 Not heard of worker 4 16 GB .* gpu of alice/ }).waitFor()
    await page.getByText('2 of 3 ready').waitFor()
    await page.getByRole('row', { name: /second Being made 1 of 1 ready admin nobody/ }).waitFor()
    expect(await hurdles(page)).toEqual([])
    nodes.mockRejectedValue(new AppError('unavailable', 'status-unavailable', 'asking for the nodes'))
    await page.reload()
    await page.getByRole('alert').filter({ hasText: 'The machines can’t be shown' }).waitFor({ timeout: 30_000 })
  })
})

test('an account that could not be set up says why', async () => {
  pages = await servePages(folder)
  Object.assign(pages.outside.rabbitmq, {
    ensureUser: () => Promise.reject(new Error('the broker said no')),
  })
  await pages.engine.start()
  const { body } = await pages.admin.post('/api/v2/accounts', { name: 'alice', email: 'a@example.org', password })
  await pages.ended(body.command)
  await browse(async (page) => {
    await signIn(page, 'alice')
    await heading(page, 'Your account could not be set up').waitFor()
    await page.locator('li[data-state=failed]', { hasText: 'Broker' }).waitFor()
    expect(await hurdles(page)).toEqual([])
  })
})

/** An account with its service, signed in. */
async function signedInAlice(page: Page) {
  const { body } = await pages.admin.post('/api/v2/accounts', { name: 'alice', email: 'a@example.org', password })
  await pages.ended(body.command)
  await signIn(page, 'alice')
  await heading(page, 'Hello, alice').waitFor()
  return pages.as('alice', body.apikey)
}

/** Holds every change of a chart until it is let go; what it says meanwhile reaches the page. */
function holdHelm() {
  const { helm } = pages.outside
  const gate = Promise.withResolvers<void>()
  const upgrade = helm.upgrade.bind(helm)
  Object.assign(helm, {
    upgrade: async (...words: Parameters<typeof upgrade>) => {
      await gate.promise
      return await upgrade(...words)
    },
  })
  return { letGo: () => gate.resolve(), fail: (message: string) => gate.reject(new Error(message)) }
}

test('a service is ordered, followed, changed and removed, each after a look at what would happen', async () => {
  pages = await servePages(folder)
  await pages.engine.start()
  await browse(async (page) => {
    await signedInAlice(page)
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.getByRole('link', { name: 'Order a service' }).click()
    await heading(page, 'Services').waitFor()
    expect(await hurdles(page)).toEqual([])
    await page.getByRole('link', { name: 'Runtime workers' }).click()
    await heading(page, 'Runtime workers').waitFor()
    await page.fill('[name=label]', 'Gold!')
    await page.fill('[name=size]', '2')
    await button(page, 'Preview').click()
    await page.locator('[name=label][aria-invalid=true]').waitFor()
    expect(await page.evaluate('document.activeElement.name')).toBe('label')
    expect(await hurdles(page)).toEqual([])
    await page.fill('[name=label]', 'gold')
    await button(page, 'Preview').click()
    await page.getByRole('heading', { name: 'What would happen: install of runtime gold' }).waitFor()
    await page.getByRole('row', { name: 'size 2' }).waitFor()
    await page.getByText('cloudmgr order add runtime --param label=gold --param size=2').waitFor()
    expect(await hurdles(page)).toEqual([])

    const { letGo } = holdHelm()
    await button(page, 'Order now').click()
    await heading(page, 'Order of runtime gold').waitFor()
    const workers = page.locator('li[data-state=running]', { hasText: 'Workers' })
    await workers.waitFor()
    await page.getByText('alice (you)').waitFor()
    await page.getByLabel('Output of workers').getByText('installing runtime-gold in om-alice').waitFor()
    asked.length = 0
    letGo()
    await page.locator('li[data-state=done]', { hasText: 'Workers' }).waitFor()
    await page.locator('main').getByText('Done', { exact: true }).waitFor()
    // The stream told it: nothing was asked for again.
    expect(asked.filter((path) => /^\/api\/v2\/commands\/\d+$/.test(path))).toEqual([])

    await page.getByRole('link', { name: 'Home', exact: true }).click()
    await page.getByRole('link', { name: 'runtime gold' }).click()
    await heading(page, 'runtime gold').waitFor()
    expect(await hurdles(page)).toEqual([])
    await page.fill('[name=size]', '3')
    await button(page, 'Preview').click()
    await page.getByRole('row', { name: 'size 2 3' }).waitFor()
    await button(page, 'Change now').click()
    await heading(page, 'Change of runtime gold').waitFor()
    await page.locator('main').getByText('Done', { exact: true }).waitFor()

    await page.getByRole('link', { name: 'Orders' }).click()
    await page.getByRole('row', { name: /runtime gold update Done/ }).waitFor()
    expect(await hurdles(page)).toEqual([])
    await page.getByRole('link', { name: 'Home', exact: true }).click()
    await page.getByRole('link', { name: 'runtime gold' }).click()
    await button(page, 'Remove…').click()
    await page.getByRole('heading', { name: 'What would happen: remove of runtime gold' }).waitFor()
    await button(page, 'Remove it now').click()
    await heading(page, 'Removal of runtime gold').waitFor()
    await page.locator('main').getByText('Done', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Home', exact: true }).click()
    await page.getByRole('link', { name: 'omegaml', exact: true }).waitFor()
    expect(await page.getByRole('link', { name: 'runtime gold' }).count()).toBe(0)
  })
})

test('a failed order says why, is tried again, and is undone', async () => {
  pages = await servePages(folder)
  await pages.engine.start()
  await browse(async (page) => {
    const alice = await signedInAlice(page)
    const { helm } = pages.outside
    const upgrade = helm.upgrade.bind(helm)
    Object.assign(helm, { upgrade: () => Promise.reject(new Error('the chart said no')) })
    const { body } = await alice.post('/api/v2/orders', {
      plan: 'runtime',
      phase: 'install',
      params: { label: 'gold' },
    })
    await pages.ended(body.id)
    await page.goto(`${pages.url}/commands/${body.id}`)
    await page.getByRole('alert').filter({ hasText: 'the chart said no' }).waitFor()
    await page.locator('li[data-state=failed]', { hasText: 'Workers' }).waitFor()
    expect(await hurdles(page)).toEqual([])
    await button(page, 'Try again').click()
    await page.locator('li[data-state=failed]', { hasText: 'Workers' }).waitFor()
    await button(page, 'Undo…').click()
    await page.getByText('What it has begun is taken back: workers, credentials.').waitFor()
    expect(await hurdles(page)).toEqual([])
    Object.assign(helm, { upgrade })
    await button(page, 'Undo it now').click()
    await heading(page, 'Removal of runtime gold').waitFor()
    await page.locator('main').getByText('Done', { exact: true }).waitFor()
    await page.getByText(`order ${body.id}`).waitFor()
    expect(await page.getByRole('button', { name: /Undo|Try again|Cancel/ }).count()).toBe(0)
  })
})

test('an order is followed by asking where the stream does not come through, and can be cancelled', async () => {
  pages = await servePages(folder)
  await pages.engine.start()
  await withPage(async (page) => {
    page.setDefaultTimeout(20_000)
    await page.route('**/events', (route) => route.abort())
    const alice = await signedInAlice(page)
    const { letGo } = holdHelm()
    const { body } = await alice.post('/api/v2/orders', {
      plan: 'runtime',
      phase: 'install',
      params: { label: 'gold' },
    })
    await page.goto(`${pages.url}/commands/${body.id}`)
    await page.locator('li[data-state=running]', { hasText: 'Workers' }).waitFor()
    await button(page, 'Cancel…').click()
    const cancelled = page.waitForResponse('**/cancel')
    await button(page, 'Cancel it now').click()
    expect((await cancelled).status()).toBe(202)
    letGo()
    await page.getByRole('alert').filter({ hasText: 'Cancelled by alice' }).waitFor()
    await button(page, 'Try again').waitFor()
  })
})

test('keys are made, shown once and revoked; a group takes somebody in and lets somebody go', async () => {
  pages = await servePages(folder)
  await pages.engine.start()
  await browse(async (page) => {
    await signedInAlice(page)
    await pages.admin.post('/api/v2/accounts', { name: 'bobby', email: 'b@example.org' })
    await pages.admin.post('/api/v2/groups', { name: 'team', owner: 'alice' })
    await page.getByRole('link', { name: 'Keys' }).click()
    await heading(page, 'API keys').waitFor()
    await button(page, 'Make a key').click()
    await page.locator('[name=name][aria-invalid=true]').waitFor()
    await page.fill('[name=name]', 'laptop')
    await page.fill('[name=ends]', '2100-01-31')
    await button(page, 'Make a key').click()
    await page.getByRole('status').filter({ hasText: 'Key laptop is made' }).waitFor()
    const key = (await page.locator('code.line').last().innerText()).trim()
    expect((await pages.as('alice', key).get('/api/v2/accounts/alice')).status).toBe(200)
    expect(await hurdles(page)).toEqual([])
    await button(page, 'I have it').click()
    await page.getByRole('button', { name: /Revoke.*laptop/ }).click()
    await button(page, 'Revoke now').click()
    await page.getByRole('row', { name: /laptop/ }).waitFor({ state: 'detached' })
    expect((await pages.as('alice', key).get('/api/v2/accounts/alice')).status).toBe(401)

    await page.getByRole('link', { name: 'Groups' }).click()
    await page.getByRole('heading', { name: 'team' }).waitFor()
    await page.fill('[name=account]', 'nobody')
    await button(page, 'Take in').click()
    await page.getByRole('alert').filter({ hasText: 'nobody' }).waitFor()
    await page.fill('[name=account]', 'bobby')
    await button(page, 'Take in').click()
    await page.getByRole('row', { name: /bobby member/ }).waitFor()
    expect(await hurdles(page)).toEqual([])
    await page.getByRole('button', { name: /Take out.*bobby/ }).click()
    await page.getByRole('button', { name: /^Do it/ }).click()
    await page.getByRole('row', { name: /bobby/ }).waitFor({ state: 'detached' })
  })
})

test('who was signed out elsewhere is led to the sign-in, and back', async () => {
  pages = await servePages(folder)
  await pages.engine.start()
  await browse(async (page) => {
    await page.goto(`${pages.url}/mails`)
    await heading(page, 'Sign in').waitFor()
    await page.fill('[name=login]', 'admin')
    await page.fill('[name=password]', adminPassword)
    await button(page, 'Sign in').click()
    await heading(page, 'Mails').waitFor()
    await pages.db.deleteFrom('sessions').execute()
    await page.getByRole('link', { name: 'Accounts' }).click()
    await heading(page, 'Sign in').waitFor()
    expect(new URL(page.url()).searchParams.get('next')).toBe('/accounts')

    await page.goto(`${pages.url}/accounts/login?next=//elsewhere.net`)
    await page.fill('[name=login]', 'admin')
    await page.fill('[name=password]', adminPassword)
    await button(page, 'Sign in').click()
    await heading(page, 'Hello, admin').waitFor()
    expect(new URL(page.url()).origin).toBe(pages.url)
    await page.goto(`${pages.url}/accounts/logout`)
    await heading(page, 'Sign out?').waitFor()
    expect(await hurdles(page)).toEqual([])
    await button(page, 'Sign Out').click()
    await heading(page, 'Sign in').waitFor()
  })
})

test('every page outside can be used by everybody, and unknown ones say so', async () => {
  pages = await servePages(folder, { open: false })
  const headings: Record<string, string> = {
    '/': 'Sign in',
    '/accounts/login': 'Sign in',
    '/accounts/signup': 'Sign-up is closed',
    '/accounts/confirm': 'Verify Your E-mail Address',
    '/accounts/confirm?token=1': 'Confirm E-mail Address',
    '/accounts/confirmed': 'Your e-mail address is confirmed',
    '/accounts/waiting': 'Waiting for approval',
    '/accounts/logout': 'Sign in',
    '/accounts/password/forgot': 'Forgotten password',
    '/accounts/password/reset': 'Set a new password',
    '/nowhere': 'There is no such page',
  }
  await browse(async (page) => {
    // The document of an unknown page comes with its status, which the browser notes.
    for (const [path, name] of Object.entries(headings)) {
      const answer = await page.request.fetch(`http://127.0.0.1:${new URL(pages.url).port}${path}`, {
        headers: { accept: 'text/html' },
      })
      expect([path, answer.status()]).toEqual([path, path === '/nowhere' ? 404 : 200])
      if (path !== '/nowhere') await page.goto(`${pages.url}${path}`)
      else
        await page
          .goto(`${pages.url}/accounts/login`)
          .then(() => page.evaluate("history.pushState({}, '', '/nowhere')"))
      await heading(page, name).waitFor()
      expect(await page.title()).toContain(name)
      expect(await hurdles(page)).toEqual([])
    }
  })
})

test('the way in through another issuer begins with a button and ends at home, or at the reason why not; the way out ends there, too', async () => {
  const person = { sub: '7', preferred_username: 'alice', email: 'alice@example.org', email_verified: true }
  const issuer = createFakeIssuer('http://login.test')
  const keys = parseKeyRing(`k1:${Buffer.alloc(32, 1).toString('base64')}`, 'the test')
  pages = await servePages(folder, {}, async () => ({
    facts: { issuer: 'http://login.test', clientId: 'site', label: 'Example University' },
    deps: { issuer, keys },
  }))
  await pages.engine.start()
  await browse(async (page) => {
    await page.route('http://login.test/**', async (route) => {
      const location = issuer.visit(route.request().url(), person)
      await route.fulfill({ status: 302, headers: { location } })
    })
    await page.goto(`${pages.url}/accounts/login?problem=outside-address-unverified`)
    await page.getByRole('alert').filter({ hasText: 'Your e-mail address is not verified there' }).waitFor()
    expect(await hurdles(page)).toEqual([])
    const comeIn = async () => {
      await page.getByRole('link', { name: 'Sign in with Example University' }).click()
      await heading(page, 'Hello, alice').waitFor()
    }
    await comeIn()

    // The way out leads through the issuer, which ends its session as well.
    const ended = page.waitForRequest('http://login.test/end**')
    await button(page, 'Sign out').click()
    expect((await ended).url()).toContain('id_token_hint=token-of-7')
    await page.getByRole('status').filter({ hasText: 'You are signed out.' }).waitFor()
    await comeIn()
    issuer.endsSessions(false)
    await button(page, 'Sign out').click()
    await page.getByRole('alert').filter({ hasText: 'Still signed in at Example University' }).waitFor()
    expect(await hurdles(page)).toEqual([])
  })
})
