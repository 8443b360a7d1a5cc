import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { replaceFile } from '../site/secrets.ts'

const loginSchema = z.object({
  url: z.string(),
  userid: z.string(),
  apikey: z.string(),
  /** PEM of the service's authority. */
  ca: z.string().optional(),
})
const fileSchema = z.object({ cloudmgr: z.literal('logins'), version: z.literal(1), logins: z.array(loginSchema) })

/** Who signs in where. */
export type Login = z.infer<typeof loginSchema>

type Env = Readonly<Record<string, string | undefined>>

/** Readable by its owner only. */
export function loginsFile(env: Env = process.env): string {
  const folder = env['CLOUDMGR_CONFIG'] ?? join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'cloudmgr')
  return join(folder, 'logins.json')
}

/** The last one that was used first. */
export function readLogins(file = loginsFile()): Login[] {
  if (!existsSync(file)) return []
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).logins
  } catch (cause) {
    // Its text holds keys: the cause is not shown.
    const text = `${file} can’t be read as the list of sign-ins; remove it and use cloudmgr login`
    throw new AppError('invalid', 'logins-unreadable', text, { details: { cause: (cause as Error).name } })
  }
}

export function writeLogins(logins: readonly Login[], file = loginsFile()): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  replaceFile(file, `${JSON.stringify({ cloudmgr: 'logins', version: 1, logins }, null, 2)}\n`)
}

/** In front of the others, instead of an earlier one of the same person there. */
export function withLogin(logins: readonly Login[], login: Login): Login[] {
  return [login, ...logins.filter(({ url, userid }) => url !== login.url || userid !== login.userid)]
}

/** Of that service and person, or of whoever used the service last. */
export function findLogin(logins: readonly Login[], url: string, userid: string | undefined): Login | undefined {
  return logins.find((login) => login.url === url && (userid === undefined || login.userid === userid))
}
