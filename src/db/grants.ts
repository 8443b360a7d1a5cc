import { sql } from 'kysely'
import { AppError } from '../base/errors.ts'
import type { Db } from './database.ts'
import { capabilities } from './dialect.ts'

/** What the API's own database user may do: it writes commands, never tasks; the engine alone decides what runs. */
const writes: Readonly<Record<string, string>> = {
  accounts: 'INSERT, UPDATE, DELETE',
  api_keys: 'INSERT, UPDATE, DELETE',
  deployments: 'INSERT, UPDATE, DELETE',
  audit_log: 'INSERT',
  settings: 'INSERT, UPDATE',
  commands: 'INSERT, UPDATE',
}

/** SQL that gives MySQL user `user` (who must exist) its rights on `database`. Repeatable. */
export function apiGrants(database: string, user: string): string[] {
  const schema = name(database)
  const account = `'${word(user)}'@'%'`
  const grants = Object.entries(writes).map(
    ([table, rights]) => `GRANT ${rights} ON ${schema}.${name(table)} TO ${account}`,
  )
  return [`GRANT SELECT ON ${schema}.* TO ${account}`, ...grants]
}

/** Gives the API's user its rights; nothing to do on SQLite, which has no users. */
export async function grantApi(db: Db, database: string, user: string): Promise<void> {
  if (capabilities(db).kind === 'sqlite') return
  for (const grant of apiGrants(database, user)) await sql.raw(grant).execute(db)
}

function name(text: string): string {
  return `\`${word(text)}\``
}

function word(text: string): string {
  if (/^[A-Za-z0-9_]+$/.test(text)) return text
  throw new AppError(
    'invalid',
    'database-name-invalid',
    `the database name or user '${text}' must be of letters, digits and _`,
  )
}
