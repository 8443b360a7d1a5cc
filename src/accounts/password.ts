import { hash } from '@node-rs/argon2'
import { AppError } from '../base/errors.ts'

// OWASP's figures for argon2id: 19 MiB, two passes; about 10 ms.
const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** The password when it may be used; the message never holds it. */
export function acceptablePassword(value: string): string {
  const length = Array.from(value).length
  if (length < 10 || length > 128) {
    throw new AppError('invalid', 'password-invalid', `password has ${length} characters: right is 10 to 128`, {
      details: { field: 'password', right: '10 to 128 characters' },
    })
  }
  return value
}

export async function hashPassword(password: string): Promise<string> {
  return await hash(acceptablePassword(password), options)
}
