import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashPassword } from '../../src/accounts/password.ts'
import { closeSession, openSession } from '../../src/accounts/sessions.ts'
import { sessionCookie } from '../../src/api/cookie.ts'
import { siteWith, startHouse, type TestHouse } from '../../src/api/testing.ts'
import { systemClock } from '../../src/base/clock.ts'
import { startJupyterhub, type TestHub } from '../support/jupyterhub.ts'
import { freePort } from '../support/programs.ts'

/** The real JupyterHub with our authenticator, against the real API. */
const secret = 'secretOfTheHubForTheTests'
let house: TestHouse
let hub: TestHub
let apikey: string

beforeAll(async () => {
  const [publicPort, insidePort, hubPort] = [await freePort(), await freePort(), await freePort()]
  const [portal, inside, hubUrl] = [publicPort, insidePort, hubPort].map((port) => `http://127.0.0.1:${port}`)
  const redirectUris = [`${hubUrl}/hub/oauth_callback`]
  house = await startHouse({
    site: siteWith({ publicUrl: portal, notebookUrl: hubUrl }),
    oidcClients: [{ id: 'jupyterhub', secret, redirectUris }],
    clock: systemClock,
  })
  const passwordHash = await hashPassword('correct horse battery')
  const wish = { name: 'alice', email: 'a@x.org', role: 'user', rights: [], passwordHash } as const
  apikey = await house.db.transaction().execute(async (tx) => {
    const made = await house.deps.accounts.create(tx, wish)
    await house.deps.deployments.ensurePending(tx, made.account, 'omegaml')
    await house.deps.deployments.settle(tx, made.account.id, 'omegaml', { outcome: 'completed' })
    return made.apikey
  })
  await house.open.listen({ host: '127.0.0.1', port: publicPort })
  await house.inside.listen({ host: '127.0.0.1', port: insidePort })
  hub = await startJupyterhub({
    port: hubPort,
    env: { OMEGA_RESTAPI_URL: inside ?? '', PYTHONPATH: resolve('images/jupyterhub') },
    config: `
c.JupyterHub.authenticator_class = 'cloudmgr_hub.oidc.PortalAuthenticator'
c.PortalAuthenticator.client_id = 'jupyterhub'
c.PortalAuthenticator.client_secret = '${secret}'
c.PortalAuthenticator.oauth_callback_url = '${redirectUris[0]}'
c.PortalAuthenticator.authorize_url = '${portal}/oidc/auth'
c.PortalAuthenticator.token_url = '${inside}/oidc/token'
c.PortalAuthenticator.userdata_url = '${inside}/oidc/me'
c.PortalAuthenticator.username_claim = 'preferred_username'
c.PortalAuthenticator.scope = ['openid', 'profile', 'email']
c.PortalAuthenticator.login_service = 'omega|ml'
c.PortalAuthenticator.logout_redirect_url = '${portal}/accounts/logout'
c.Authenticator.allow_all = True
c.Authenticator.auth_refresh_age = 1
c.Authenticator.enable_auth_state = True
c.CryptKeeper.keys = [b'x' * 32]
`,
  })
})
afterAll(async () => {
  await hub?.stop()
  await house?.close()
})

/** A browser: keeps cookies by host and port, follows redirects, and tells where it ended. */
function browser() {
  const jars = new Map<string, Map<string, string>>()
  const jar = (url: URL) =>
    jars.get(url.host) ?? jars.set(url.host, new Map()).get(url.host) ?? new Map<string, string>()
  async function go(address: string, init: RequestInit = {}): Promise<{ url: URL; status: number; text: string }> {
    const url = new URL(address)
    const cookie = [...jar(url)].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, 'sec-fetch-mode': 'navigate', ...(init.headers as object) }
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || value === '""') jar(url).delete(name)
      else jar(url).set(name, value)
    }
    const to = answer.headers.get('location')
    if (to !== null) return await go(new URL(to, url).href)
    return { url, status: answer.status, text: await answer.text() }
  }
  const signInToPortal = async (): Promise<string> => {
    const account = await house.deps.accounts.get(house.db, 'alice')
    const { id } = await openSession(house.db, account, systemClock.now())
    const [name = '', value = ''] = sessionCookie(id, house.deps.site).split(';', 1)[0]?.split('=') ?? []
    jar(new URL(house.deps.site.publicUrl)).set(name, value)
    return id
  }
  return { go, signInToPortal }
}

const at = (path: string): string => `${hub.access.url}${path}`

test('its sign-in page offers both ways', async () => {
  const { text } = await browser().go(at('/hub/login'))
  expect(text).toContain('Continue with omega|ml')
  expect(text).toMatch(/name="username"[\s\S]*name="password"/)
})

test('who is signed in to the portal is signed in here by one click, and out with it', async () => {
  const page = browser()
  const session = await page.signInToPortal()
  const home = await page.go(at('/hub/oauth_login?next=%2Fhub%2Fhome'))
  expect(home.url.pathname).toBe('/hub/home')
  expect(home.text).toContain('alice')
  expect((await page.go(at('/hub/home'))).url.pathname).toBe('/hub/home')

  await closeSession(house.db, session)
  await expect.poll(async () => (await page.go(at('/hub/home'))).url.pathname, { timeout: 10_000 }).toBe('/hub/login')
})

test('who is not signed in to the portal is asked there first', async () => {
  const { url } = await browser().go(at('/hub/oauth_login'))
  expect(url.href).toMatch(new RegExp(`^${house.deps.site.publicUrl}/accounts/login\\?next=`))
})

test('user id and API key go on to work, and signing out ends at the portal', async () => {
  const page = browser()
  const { text } = await page.go(at('/hub/login'))
  const [, xsrf = ''] = /name="_xsrf" value="([^"]+)"/.exec(text) ?? []
  const send = async (password: string) =>
    await page.go(at('/hub/login?next=%2Fhub%2Fhome'), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ username: 'alice', password, _xsrf: xsrf }),
    })
  expect((await send('wrong')).status).toBe(403)
  expect((await send(apikey)).url.pathname).toBe('/hub/home')
  expect((await page.go(at('/hub/logout'))).url.href).toBe(`${house.deps.site.publicUrl}/accounts/logout`)
})
