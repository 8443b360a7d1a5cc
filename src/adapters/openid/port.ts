/** What must come back unchanged with the answer of the issuer; a secret of the browser that was sent there. */
export interface PendingSignIn {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** What the issuer says of somebody: its ID token, and what its user info adds. */
export interface OutsideClaims {
  /** Together with `sub` who it is, for ever. */
  readonly iss: string
  readonly sub: string
  readonly [claim: string]: unknown
}

export interface OutsideSignIn {
  readonly claims: OutsideClaims
  /** As the issuer signed it: by it the issuer knows the session that shall end. */
  readonly idToken: string
}

/**
 * An OpenID Connect issuer outside of the site: authorization code flow with PKCE, state and nonce.
 *
 * Errors: `unavailable/issuer-unreachable` (also when it is no issuer as it should be), `unauthenticated/outside-refused`
 * (the person or the issuer said no, or the answer does not belong to what was asked).
 */
export interface OpenidIssuer {
  /** Where to send the browser. `callback` is the registered address that it comes back to. */
  begin(callback: string): Promise<{ readonly url: string; readonly pending: PendingSignIn }>
  /** Who came back: `answer` is the whole address with its query. */
  finish(answer: string, pending: PendingSignIn): Promise<OutsideSignIn>
  /**
   * Where to send the browser so that its session there ends, too; it comes back to the registered address `back`. Undefined
   * where the issuer has no such place.
   */
  end(idToken: string, back: string): Promise<string | undefined>
}
