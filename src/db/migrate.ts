import { sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { AppError } from '../base/errors.ts'
import type { Db } from './database.ts'
import * as accounts from './migrations/001-accounts.ts'
import * as commands from './migrations/002-commands.ts'
import * as identity from './migrations/003-identity.ts'
import * as services from './migrations/004-services.ts'
import * as terraformStates from './migrations/005-terraform-states.ts'
import * as metricSamples from './migrations/006-metric-samples.ts'
import * as oidc from './migrations/007-oidc.ts'
import * as scheduledRuns from './migrations/010-scheduled-runs.ts'
import * as books from './migrations/011-books.ts'
import * as issuedCommands from './migrations/012-issued-commands.ts'
import * as repeatedChanges from './migrations/013-repeated-changes.ts'
import * as stateVersions from './migrations/014-state-versions.ts'
import * as clusters from './migrations/015-clusters.ts'
import * as outsideSessions from './migrations/016-outside-sessions.ts'
import * as clusterNotes from './migrations/017-cluster-notes.ts'

/**
 * Numbered, forward only, never changed once released. Listed here so that a missing file is a type error. The version
 * before must run on what they leave; one that can't be made so ends its name with `-breaking`, and older programs refuse.
 */
const migrations: Readonly<Record<string, Migration>> = {
  '001-accounts': accounts,
  '002-commands': commands,
  '003-identity': identity,
  '004-services': services,
  '005-terraform-states': terraformStates,
  '006-metric-samples': metricSamples,
  '007-oidc': oidc,
  '010-scheduled-runs': scheduledRuns,
  '011-books': books,
  '012-issued-commands': issuedCommands,
  '013-repeated-changes': repeatedChanges,
  '014-state-versions': stateVersions,
  '015-clusters': clusters,
  '016-outside-sessions': outsideSessions,
  '017-cluster-notes': clusterNotes,
}

/** Brings the schema up to date and returns what was done. May run in several processes at once: one does it. */
export async function migrate(db: Db): Promise<string[]> {
  // Also when a newer program was here: the older one runs on the newer schema, unless that says otherwise.
  if ((await pendingMigrations(db)).length === 0) return []
  const { error, results } = await migrator(db).migrateToLatest()
  if (error !== undefined) {
    const failed = results?.find((result) => result.status === 'Error')?.migrationName ?? 'the first migration'
    throw new AppError('unavailable', 'migration-failed', `changing the database schema (${failed})`, { cause: error })
  }
  return (results ?? []).map((result) => result.migrationName)
}

/**
 * Names of migrations that this program needs and the database has not seen; for the init container that waits. Rejects with
 * `conflict/schema-newer` where a newer program changed the schema in a way that this one can't work with.
 */
export async function pendingMigrations(db: Db): Promise<string[]> {
  await refuseBroken(db)
  const all = await migrator(db).getMigrations()
  return all.filter((migration) => migration.executedAt === undefined).map((migration) => migration.name)
}

const breaking = /-breaking$/
const doneTable = 'kysely_migration'

async function refuseBroken(db: Db): Promise<void> {
  const [found] = (await doneMigrations(db)).filter((name) => breaking.test(name) && !Object.hasOwn(migrations, name))
  if (found === undefined) return
  throw new AppError(
    'conflict',
    'schema-newer',
    `a newer cloudmgr changed the database (${found}) so that this version can't work with it: use that version or a later one, or put back the dump from before its upgrade`,
    { details: { migration: found } },
  )
}

async function doneMigrations(db: Db): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === doneTable)) return []
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(doneTable)}`.execute(db)
  return rows.map(({ name }) => name)
}

function migrator(db: Db): Migrator {
  return new Migrator({
    db,
    // Names sort, but one may be released after a later one was.
    allowUnorderedMigrations: true,
    provider: { getMigrations: async () => ({ ...migrations }) },
  })
}
