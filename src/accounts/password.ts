import { hash, verify } from '@node-rs/argon2'
import { AppError } from '../base/errors.ts'

// OWASP's figures for argon2id: 19 MiB, two passes; about 10 ms.
const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** The password when it may be used; the message never holds it. */
export function acceptablePassword(value: string, field = 'password'): string {
  const length = Array.from(value).length
  if (length < 10 || length > 128) {
    throw new AppError('invalid', 'password-invalid', `${field} has ${length} characters: right is 10 to 128`, {
      details: { field, right: '10 to 128 characters' },
    })
  }
  return value
}

export async function hashPassword(password: string): Promise<string> {
  return await hash(acceptablePassword(password), options)
}

/** Of no password that anybody could send. */
const NOBODYS = '$argon2id$v=19$m=19456,t=2,p=1$b0y9MOpxHXBTUDkC4BqVVg$zfYyYYN2Csy5NnUazxeZ/NXJK3XfMR0FjLks1pfvxKg'

/** Takes as long for an account that there is not, or that has no password. */
export async function passwordMatches(passwordHash: string | null | undefined, password: string): Promise<boolean> {
  const matches = await verify(passwordHash ?? NOBODYS, password.slice(0, 1000))
  return matches && passwordHash !== null && passwordHash !== undefined
}
