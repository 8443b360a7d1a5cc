import { expect, test } from 'vitest'
import type { OpenidIssuer } from './port.ts'

export interface OpenidParts {
  readonly issuer: OpenidIssuer
  /** Somebody there who opens that address in a browser, and the address that the browser comes back to. */
  visit(url: string): Promise<string>
  /** Nobody answers any more. */
  stop(): Promise<void>
}

export const callback = 'http://hub.test/accounts/openid/callback'
export const signedOut = 'http://hub.test/accounts/openid/signed-out'

/** What every implementation keeps; the last test ends the issuer. */
export function openidContract(parts: () => OpenidParts): void {
  const refused = { kind: 'unauthenticated', code: 'outside-refused' }

  test('who signs in there is told with issuer, subject and claims', async () => {
    const { issuer, visit } = parts()
    const { url, pending } = await issuer.begin(callback)
    const { claims } = await issuer.finish(await visit(url), pending)
    expect(claims).toMatchObject({ preferred_username: 'alice', email: 'alice@example.org', email_verified: true })
    expect([claims.iss, claims.sub]).toEqual([expect.stringMatching(/^http/), expect.stringMatching(/./)])
  })

  test('every way there has words of its own', async () => {
    const { issuer } = parts()
    const [one, other] = [await issuer.begin(callback), await issuer.begin(callback)]
    for (const word of ['state', 'nonce', 'verifier'] as const) expect(one.pending[word]).not.toBe(other.pending[word])
  })

  test('an answer works once', async () => {
    const { issuer, visit } = parts()
    const { url, pending } = await issuer.begin(callback)
    const answer = await visit(url)
    await issuer.finish(answer, pending)
    await expect(issuer.finish(answer, pending)).rejects.toMatchObject(refused)
  })

  const tampered: { change: Record<string, string>; why: string }[] = [
    { change: { state: 'another' }, why: 'another state in the answer is refused' },
    { change: { code: 'another' }, why: 'another code in the answer is refused' },
  ]
  for (const { change, why } of tampered) {
    test(why, async () => {
      const { issuer, visit } = parts()
      const { url, pending } = await issuer.begin(callback)
      const answer = new URL(await visit(url))
      for (const [name, value] of Object.entries(change)) answer.searchParams.set(name, value)
      await expect(issuer.finish(answer.href, pending)).rejects.toMatchObject(refused)
    })
  }

  for (const name of ['nonce', 'code_challenge']) {
    test(`another ${name} on the way there is refused on the way back`, async () => {
      const { issuer, visit } = parts()
      const { url, pending } = await issuer.begin(callback)
      const changed = new URL(url)
      changed.searchParams.set(name, 'x'.repeat(43))
      await expect(issuer.finish(await visit(changed.href), pending)).rejects.toMatchObject(refused)
    })
  }

  test('an answer that belongs to another way there is refused', async () => {
    const { issuer, visit } = parts()
    const [one, other] = [await issuer.begin(callback), await issuer.begin(callback)]
    const stolen = new URL(await visit(other.url))
    stolen.searchParams.set('state', one.pending.state)
    await expect(issuer.finish(stolen.href, one.pending)).rejects.toMatchObject(refused)
  })

  test('a refusal there is one here', async () => {
    const { issuer } = parts()
    const { pending } = await issuer.begin(callback)
    const answer = `${callback}?error=access_denied&state=${pending.state}`
    await expect(issuer.finish(answer, pending)).rejects.toMatchObject(refused)
  })

  test('who is signed out there comes back', async () => {
    const { issuer, visit } = parts()
    const { url, pending } = await issuer.begin(callback)
    const { idToken } = await issuer.finish(await visit(url), pending)
    expect(await visit((await issuer.end(idToken, signedOut)) ?? '')).toBe(signedOut)
  })

  test('an issuer that does not answer is unavailable', async () => {
    const { issuer, visit, stop } = parts()
    const { url, pending } = await issuer.begin(callback)
    const answer = await visit(url)
    await stop()
    const unreachable = { kind: 'unavailable', code: 'issuer-unreachable' }
    await expect(issuer.finish(answer, pending)).rejects.toMatchObject(unreachable)
  })
}
