import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import type { Jwks } from './port.ts'

const TIMEOUT_MS = 5_000
const MOST_BYTES = 256 * 1024

const keySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })

/** By HTTP GET; redirects are not followed: the address is the operator's word. */
export function createJwks(): Jwks {
  return {
    fetch: async (uri) => {
      try {
        const answer = await fetch(uri, {
          redirect: 'error',
          signal: AbortSignal.timeout(TIMEOUT_MS),
          headers: { accept: 'application/json' },
        })
        if (!answer.ok) throw new Error(`status ${answer.status}`)
        const text = await answer.text()
        if (text.length > MOST_BYTES) throw new Error(`an answer of ${text.length} characters`)
        return keySet.parse(JSON.parse(text))
      } catch (cause) {
        throw new AppError('unavailable', 'jwks-unreachable', `asking ${uri} for the keys of its tokens`, { cause })
      }
    },
  }
}
