import { AppError } from '../../base/errors.ts'
import type { Jwks, KeySet } from './port.ts'

export interface FakeJwks extends Jwks {
  /** What lies at an address; `undefined`: nobody answers there. */
  put(uri: string, keys: KeySet | undefined): void
  /** How often an address was asked. */
  asked(uri: string): number
}

export function createFakeJwks(): FakeJwks {
  const sets = new Map<string, KeySet>()
  const asked = new Map<string, number>()
  return {
    put: (uri, keys) => void (keys === undefined ? sets.delete(uri) : sets.set(uri, keys)),
    asked: (uri) => asked.get(uri) ?? 0,
    fetch: async (uri) => {
      asked.set(uri, (asked.get(uri) ?? 0) + 1)
      const keys = sets.get(uri)
      if (keys !== undefined) return keys
      throw new AppError('unavailable', 'jwks-unreachable', `asking ${uri} for the keys of its tokens`)
    },
  }
}
