import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { randomWord } from '../base/secrets.ts'

/** 40 letters and digits, over 200 bits: a plain digest is enough to look it up. */
export function newApiKey(): string {
  return randomWord(40)
}

/** A key made elsewhere (by the installation); the message never holds it. */
export function acceptableApiKey(value: string, field: string): string {
  if (!/^[A-Za-z0-9]{32,64}$/.test(value)) {
    throw new AppError('invalid', 'api-key-invalid', `${field} can't be used: right is 32 to 64 letters and digits`, {
      details: { field, right: '32 to 64 letters and digits' },
    })
  }
  return value
}

/** As stored and looked up. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex')
}

export function apiKeyMatches(storedHash: string, key: string): boolean {
  return timingSafeEqual(Buffer.from(storedHash, 'hex'), createHash('sha256').update(key, 'utf8').digest())
}
