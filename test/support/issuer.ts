import { openSession } from '../../src/accounts/sessions.ts'
import { updateAccount } from '../../src/accounts/store.ts'
import { sessionCookie } from '../../src/api/cookie.ts'
import { siteWith, startHouse } from '../../src/api/testing.ts'
import { systemClock } from '../../src/base/clock.ts'
import { freePort } from './programs.ts'

const secret = 'secretOfTheOtherSiteForTheTests'

/** Another cloudmgr, as the issuer that people sign in through: on a port, with the accounts that a test gives it. */
export async function startIssuer(callback: string, signedOut?: string) {
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const after = signedOut === undefined ? [] : [signedOut]
  const oidcClients = [{ id: 'site', secret, redirectUris: [callback], postLogoutRedirectUris: after }]
  const house = await startHouse({ site: siteWith({ publicUrl }), oidcClients, clock: systemClock })
  await house.open.listen({ host: '127.0.0.1', port })

  /** Somebody there; the number is the subject of the identity. */
  async function person(name: string, email = `${name}@example.org`, { verified = true } = {}) {
    const wish = { name, email, role: 'user', rights: [], passwordHash: null, mailConfirmed: verified } as const
    const { account } = await house.db.transaction().execute(async (tx) => await house.deps.accounts.create(tx, wish))
    return account
  }

  async function renamed(name: string, email: string): Promise<void> {
    const account = await house.deps.accounts.get(house.db, name)
    await updateAccount(house.db, account.id, { email })
  }

  /** A browser of somebody signed in there. */
  async function browser(name: string) {
    const account = await house.deps.accounts.get(house.db, name)
    const { id } = await openSession(house.db, account, systemClock.now())
    const [key = '', value = ''] = (sessionCookie(id, house.deps.site).split(';', 1)[0] ?? '').split('=')
    const jar = new Map([[key, value]])
    const ask = async (url: string, init: RequestInit = {}) => {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } })
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        jar.set(name, value)
      }
      return answer
    }
    /** The address that it is sent to in the end: of another site, or one of a page there. */
    const visit = async (url: string, init: RequestInit = {}): Promise<string> => {
      for (let [next, how] = [url, init]; ; how = {}) {
        const answer = await ask(next, how)
        next = new URL(answer.headers.get('location') ?? `failed:${answer.status} ${await answer.text()}`, next).href
        if (!next.startsWith(`${publicUrl}/oidc`)) return next
      }
    }
    const isSignedIn = async () => (await ask(`${publicUrl}/api/v2/session`)).status === 200
    return { visit, isSignedIn }
  }

  /** What a new browser of somebody signed in there does with `url`: the address that it is sent to. */
  async function visit(url: string, name: string): Promise<string> {
    return await (await browser(name)).visit(url)
  }

  const settings = {
    issuer: `${publicUrl}/oidc`,
    clientId: 'site',
    clientAuth: 'post',
    scopes: ['openid', 'profile', 'email', 'groups'],
  } as const
  return { settings, secret, person, renamed, browser, visit, house, close: house.close }
}

export type TestIssuer = Awaited<ReturnType<typeof startIssuer>>
