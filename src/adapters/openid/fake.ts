import { randomWord } from '../../base/secrets.ts'
import { AppError } from '../../base/errors.ts'
import type { OpenidIssuer } from './port.ts'

export interface FakeIssuer extends OpenidIssuer {
  /** Signs somebody in or out there who was sent to `url`: answers with the address that the browser comes back to. */
  visit(url: string, claims: Readonly<Record<string, unknown>> & { readonly sub: string }): string
  /** From now on nobody answers, or again. */
  setReachable(reachable: boolean): void
  /** Whether it has a place that ends sessions. */
  endsSessions(ends: boolean): void
}

/** An issuer in memory: codes work once, and only with what they were asked for with. */
export function createFakeIssuer(issuer = 'https://login.test'): FakeIssuer {
  const codes = new Map<
    string,
    { readonly asked: URLSearchParams; readonly claims: Readonly<Record<string, unknown>> }
  >()
  let reachable = true
  let endsSessions = true
  const check = () => {
    if (!reachable) throw new AppError('unavailable', 'issuer-unreachable', `asking the issuer ${issuer}`)
  }
  return {
    begin: async (callback) => {
      check()
      const pending = { state: randomWord(32), nonce: randomWord(32), verifier: randomWord(43) }
      const { state, nonce, verifier } = pending
      const asked = { redirect_uri: callback, state, nonce, code_challenge: verifier }
      return { url: `${issuer}/auth?${new URLSearchParams(asked).toString()}`, pending }
    },
    finish: async (answer, pending) => {
      check()
      const query = new URL(answer).searchParams
      const code = query.get('code') ?? ''
      const found = codes.get(code)
      codes.delete(code)
      const fits =
        found !== undefined &&
        query.get('state') === pending.state &&
        found.asked.get('nonce') === pending.nonce &&
        found.asked.get('code_challenge') === pending.verifier
      if (!fits) throw new AppError('unauthenticated', 'outside-refused', 'the sign-in elsewhere did not succeed')
      const claims = { ...found.claims, iss: issuer, sub: String(found.claims['sub']) }
      return { claims, idToken: `token-of-${claims.sub}` }
    },
    end: async (idToken, back) => {
      check()
      const asked = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: back })
      return endsSessions ? `${issuer}/end?${asked.toString()}` : undefined
    },
    visit: (url, claims) => {
      const asked = new URL(url).searchParams
      const back = asked.get('post_logout_redirect_uri')
      if (back !== null) return back
      const code = randomWord(20)
      codes.set(code, { asked, claims })
      const answer = new URLSearchParams({ code, state: asked.get('state') ?? '' })
      return `${asked.get('redirect_uri') ?? ''}?${answer.toString()}`
    },
    setReachable: (now) => void (reachable = now),
    endsSessions: (now) => void (endsSessions = now),
  }
}
