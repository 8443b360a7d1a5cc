import type { Action } from '../actions/action.ts'
import type { Clock } from '../base/clock.ts'
import { parseKeyRing } from '../base/key-ring.ts'
import { silentLog } from '../base/log.ts'
import type { Plans } from '../catalog/plan.ts'
import { StateBackend } from '../clusters/state-backend.ts'
import { createStateStore } from '../clusters/terraform-states.ts'
import { openSound } from '../db/sound.ts'
import { Engine } from '../engine/engine.ts'
import type { SiteStateKeeping } from './actions/kept-terraform.ts'
import { siteContext } from './context.ts'
import { createJournal, type Journal } from './journal.ts'
import { ensureSecrets, stateEnv } from './secrets.ts'
import { createSiteStates } from './site-states.ts'
import type { Site } from './site.ts'
import { isMade, isReached, type StatePaths } from './state.ts'

export interface JournalSources {
  readonly site: Site
  readonly paths: StatePaths
  readonly project: string
  readonly actions: (keeping: SiteStateKeeping) => readonly Action<never>[]
  readonly plans: (actions: readonly Action<never>[]) => Plans
  readonly clock: Clock
}

const minute = 60_000

/** The journal in the state folder, with the engine that works on it once it is started. */
export async function openSiteJournal(sources: JournalSources): Promise<Journal> {
  const { site, paths, project, clock } = sources
  const db = await openSound(paths.journal)
  const keys = parseKeyRing(ensureSecrets(paths.folder).engineKeys, 'engine keys of the state folder')
  const store = createStateStore(db, keys, () => clock.now())
  const backend = new StateBackend({ states: store, log: silentLog })
  const actions = sources.actions({ store, backend, outsideEnv: () => stateEnv(paths.folder) })
  const plans = sources.plans(actions)
  const deps = {
    db,
    actions,
    plans,
    clock,
    log: silentLog,
    context: async () => {
      const secrets = ensureSecrets(paths.folder)
      return {
        values: siteContext({ site, paths, secrets, project, made: isMade(paths), reached: isReached(paths) }),
        secrets: Object.values(secrets),
      }
    },
    seal: (text: string) => keys.seal(text, 'step outputs'),
    unseal: (text: string) => keys.open(text, 'step outputs'),
  }
  // A person waits: what does not answer for five minutes is told instead of tried on.
  const engine = new Engine(deps, { exclusive: true, retryForMs: 5 * minute, stopGraceMs: minute })
  const worker = {
    start: async () => {
      await backend.start()
      await engine.start()
    },
    // After the engine: a run that is stopped writes its state.
    stop: async () => {
      await engine.stop()
      await backend.stop()
    },
  }
  return createJournal(
    db,
    plans,
    worker,
    createSiteStates(db, store, paths, () => clock.now()),
  )
}
