import { expect, test } from 'vitest'
import type { Jwks, KeySet } from './port.ts'

export interface JwksParts {
  readonly jwks: Jwks
  readonly uri: string
  /** What lies there from now on. */
  serve(keys: KeySet | undefined): Promise<void>
}

/** What every implementation keeps. */
export function jwksContract(parts: () => JwksParts): void {
  test('keys are told as they lie there, each time anew', async () => {
    const { jwks, uri, serve } = parts()
    await serve({ keys: [{ kty: 'EC', kid: 'one' }] })
    expect(await jwks.fetch(uri)).toEqual({ keys: [{ kty: 'EC', kid: 'one' }] })
    await serve({ keys: [] })
    expect(await jwks.fetch(uri)).toEqual({ keys: [] })
  })

  test('nobody there is unavailable', async () => {
    const { jwks, uri, serve } = parts()
    await serve(undefined)
    await expect(jwks.fetch(uri)).rejects.toMatchObject({ kind: 'unavailable', code: 'jwks-unreachable' })
  })
}
