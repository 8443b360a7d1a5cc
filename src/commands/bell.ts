import type { Db } from '../db/database.ts'

/** Rung in this process whenever a command or task changed, so that nobody waits for the next look at the database. */
export interface Bell {
  ring(): void
  /** Calls `listener` at every ring until the returned function is called. */
  listen(listener: () => void): () => void
}

const bells = new WeakMap<object, Bell>()

/** The bell of an open database. A transaction has none of its own: ring after it is committed. */
export function bellOf(db: Db): Bell {
  const existing = bells.get(db)
  if (existing !== undefined) return existing
  const bell = createBell()
  bells.set(db, bell)
  return bell
}

function createBell(): Bell {
  const listeners = new Set<() => void>()
  return {
    ring: () => {
      for (const listener of [...listeners]) listener()
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
