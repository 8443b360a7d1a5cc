import type { KeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { StateBackend } from '../../src/clusters/state-backend.ts'
import { createStateStore, rootLock } from '../../src/clusters/terraform-states.ts'
import type { Db } from '../../src/db/database.ts'

/** States of an engine that comes after another one: it has claimed the task of this root anew. */
export async function startEngineStates(
  db: Db,
  keys: KeyRing,
  { root, fencing }: { readonly root: string; readonly fencing: number },
): Promise<StateBackend> {
  const states = new StateBackend({ states: createStateStore(db, keys, Date.now), log: silentLog })
  await states.start()
  await db.deleteFrom('locks').execute()
  const lock = { name: rootLock(root), task_id: 1, fencing, taken_at: 1 }
  await db.insertInto('locks').values(lock).execute()
  return states
}
