import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { AppError } from './errors.ts'

/** Encrypts with its newest key and reads what any of its keys wrote. `context` says what a text belongs to: moved elsewhere it can't be read. */
export interface KeyRing {
  seal(text: string, context: string): string
  open(sealed: string, context: string): string
  /** Whether `sealed` was written with an older key, so that it can be written anew. */
  isStale(sealed: string): boolean
}

interface Key {
  readonly id: string
  /** Made once: of bytes, every use would make it anew, which costs three times what it is used for. */
  readonly secret: KeyObject
}

/** `k2:base64,k1:base64`, newest first, 32 bytes each. `name` is the variable or file it came from, for messages. */
export function parseKeyRing(text: string, name: string): KeyRing {
  const keys = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part, index) => parseKey(part, index, name))
  if (keys.length === 0) throw keyError(name, 'no key in it')
  const ids = keys.map((key) => key.id)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw keyError(name, `key id ${twice} is there twice`)
  return createKeyRing(keys)
}

function parseKey(part: string, index: number, name: string): Key {
  const match = /^([a-z0-9-]{1,16}):([A-Za-z0-9+/]+=*)$/.exec(part)
  if (match === null) throw keyError(name, `key ${index + 1} is not written as id:base64`)
  const bytes = Buffer.from(match[2] ?? '', 'base64')
  if (bytes.length !== 32) throw keyError(name, `key ${index + 1} has ${bytes.length} bytes`)
  return { id: match[1] ?? '', secret: createSecretKey(bytes) }
}

function keyError(name: string, problem: string): AppError {
  return new AppError(
    'invalid',
    'key-ring-invalid',
    `${name}: ${problem}; right is k1:<32 bytes in base64>, further and older keys after commas`,
    { details: { field: name } },
  )
}

function createKeyRing(keys: readonly Key[]): KeyRing {
  const newest = keys[0] as Key
  return {
    seal: (text, context) => {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', newest.secret, iv)
      cipher.setAAD(Buffer.from(context, 'utf8'))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `v1.${newest.id}.${iv.toString('base64url')}.${body.toString('base64url')}`
    },
    open: (sealed, context) => {
      const [version, id, iv, body] = sealed.split('.')
      if (version !== 'v1' || id === undefined || iv === undefined || body === undefined) {
        throw new AppError('bug', 'sealed-text-malformed', `reading the encrypted ${context}`)
      }
      const key = keys.find((candidate) => candidate.id === id)
      if (key === undefined) {
        throw new AppError(
          'unavailable',
          'key-missing',
          `reading the encrypted ${context}: key ${id} is not in the key ring`,
        )
      }
      return decrypt(key, iv, body, context)
    },
    isStale: (sealed) => sealed.split('.')[1] !== newest.id,
  }
}

function decrypt(key: Key, iv: string, body: string, context: string): string {
  try {
    const bytes = Buffer.from(body, 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', key.secret, Buffer.from(iv, 'base64url'))
    decipher.setAAD(Buffer.from(context, 'utf8'))
    decipher.setAuthTag(bytes.subarray(bytes.length - 16))
    return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - 16)), decipher.final()]).toString('utf8')
  } catch (cause) {
    throw new AppError('bug', 'sealed-text-unreadable', `reading the encrypted ${context} with key ${key.id}`, {
      cause,
    })
  }
}
