import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'

/** Orders may be repeated after a lost answer: the same key gives the same answer, not a second order. */
export const orderHeaders = z.looseObject({
  'idempotency-key': z.string().min(1).max(200).optional().describe('the same key again gives the same answer'),
})

export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  return Array.isArray(key) ? key[0] : key
}

/** Of one length, whatever the caller sent; for keys that are kept with what was changed. */
export function digestOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts), 'utf8').digest('hex')
}
