import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { checkAll } from '../base/field-errors.ts'
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

const MOST_KEYS = 50

/** Throws when no such key may be made. */
export function checkNewKey(label: string, expiresAt: number | undefined, now: number, known: number): void {
  checkAll(
    () => {
      const right = '1 to 60 letters, digits, blanks, dots, hyphens or underscores'
      if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$/.test(label))
        throw wrong('key-name-invalid', 'name', label.slice(0, 60), right)
    },
    () => {
      if (expiresAt === undefined || expiresAt > now) return
      throw wrong('key-expiry-invalid', 'expiresAt', new Date(expiresAt).toISOString(), 'a time to come')
    },
  )
  if (known < MOST_KEYS) return
  throw new AppError('conflict', 'too-many-keys', `the account has ${known} keys: right is at most ${MOST_KEYS}`)
}

function wrong(code: string, field: string, value: string, right: string): AppError {
  return new AppError('invalid', code, `${field} ${JSON.stringify(value)} can't be used: right is ${right}`, {
    details: { field, value, right },
  })
}
