/** Public keys as RFC 7517 writes them. */
export interface KeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

/**
 * Where issuers of tokens publish their keys. Remembers nothing: the caller decides how long keys hold.
 * Errors: `unavailable/jwks-unreachable` (also for an answer that is no key set).
 */
export interface Jwks {
  fetch(uri: string): Promise<KeySet>
}
