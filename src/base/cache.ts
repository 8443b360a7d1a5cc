import type { Clock } from './clock.ts'

/** Remembers what was loaded for a short time, so that a hot path asks the database once. `undefined` is not remembered. */
export class Cache<Value> {
  private readonly entries = new Map<string, { value: Promise<Value | undefined>; until: number }>()
  private readonly clock: Clock
  private readonly ttlMs: number
  private readonly limit: number

  constructor(clock: Clock, options: { ttlMs: number; limit: number }) {
    this.clock = clock
    this.ttlMs = options.ttlMs
    this.limit = options.limit
  }

  /** Callers that come while it is being loaded share one load. */
  async get(key: string, load: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const known = this.entries.get(key)
    if (known !== undefined && known.until > this.clock.now()) return await known.value
    const entry = { value: load(), until: this.clock.now() + this.ttlMs }
    this.entries.delete(key)
    this.entries.set(key, entry)
    this.makeRoom()
    // What failed or was not there is asked for again; an entry put there meanwhile stays.
    const drop = () => {
      if (this.entries.get(key) === entry) this.entries.delete(key)
    }
    entry.value.then((value) => value === undefined && drop(), drop)
    return await entry.value
  }

  forget(key: string): void {
    this.entries.delete(key)
  }

  private makeRoom(): void {
    // The oldest first: a Map keeps the order of insertion.
    for (const key of this.entries.keys()) {
      if (this.entries.size <= this.limit) return
      this.entries.delete(key)
    }
  }
}
