import type { Action } from '../actions/action.ts'
import type { Clock } from '../base/clock.ts'
import { parseKeyRing } from '../base/key-ring.ts'
import { silentLog } from '../base/log.ts'
import type { Plans } from '../catalog/plan.ts'
import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { Engine } from '../engine/engine.ts'
import { siteContext } from './context.ts'
import { createJournal, type Journal } from './journal.ts'
import { ensureSecrets } from './secrets.ts'
import type { Site } from './site.ts'
import { isMade, type StatePaths } from './state.ts'

export interface JournalSources {
  readonly site: Site
  readonly paths: StatePaths
  readonly project: string
  readonly actions: readonly Action<never>[]
  readonly plans: Plans
  readonly clock: Clock
}

const minute = 60_000

/** The journal in the state folder, with the engine that works on it once it is started. */
export async function openSiteJournal(sources: JournalSources): Promise<Journal> {
  const { site, paths, project, actions, plans, clock } = sources
  const db = openDatabase({ kind: 'sqlite', path: paths.journal })
  await migrate(db)
  const keys = parseKeyRing(ensureSecrets(paths.folder).engineKeys, 'engine keys of the state folder')
  const deps = {
    db,
    actions,
    plans,
    clock,
    log: silentLog,
    context: async () => {
      const secrets = ensureSecrets(paths.folder)
      return {
        values: siteContext({ site, paths, secrets, project, made: isMade(paths) }),
        secrets: Object.values(secrets),
      }
    },
    seal: (text: string) => keys.seal(text, 'step outputs'),
    unseal: (text: string) => keys.open(text, 'step outputs'),
  }
  // A person waits: what does not answer for five minutes is told instead of tried on.
  return createJournal(db, plans, new Engine(deps, { exclusive: true, retryForMs: 5 * minute, stopGraceMs: minute }))
}
