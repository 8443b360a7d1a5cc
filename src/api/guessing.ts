import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'

/** Wrong passwords of one account from one address before it has to wait. */
const MOST_OF_ADDRESS = 10
const WAIT_MS = 300_000
/** From here on, wrong passwords of one account from wherever make every try slower, up to the longest. */
const SLOW_FROM = 20
const SLOW_STEP_MS = 100
const SLOW_LONGEST_MS = 2_000
/** The oldest are forgotten first. */
const MOST_REMEMBERED = 50_000

/**
 * Slows down whoever guesses passwords. Nobody can lock somebody else out: an address waits for itself only, and what
 * many addresses do together makes the others slow, not refused.
 */
export class Guessing {
  private readonly clock: Clock
  private readonly failures = new Map<string, { count: number; until: number }>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Before the password is looked at. */
  async pass(login: string, address: string): Promise<void> {
    const pair = this.find(`${login} ${address}`)
    if (pair !== undefined && pair.count >= MOST_OF_ADDRESS) throw this.tooMany(pair.until)
    const all = this.find(login)?.count ?? 0
    if (all >= SLOW_FROM) await this.clock.sleep(Math.min((all - SLOW_FROM + 1) * SLOW_STEP_MS, SLOW_LONGEST_MS))
  }

  failed(login: string, address: string): void {
    for (const key of [login, `${login} ${address}`]) this.count(key)
  }

  succeeded(login: string, address: string): void {
    this.failures.delete(`${login} ${address}`)
  }

  private find(key: string): { count: number; until: number } | undefined {
    const known = this.failures.get(key)
    return known === undefined || known.until <= this.clock.now() ? undefined : known
  }

  private count(key: string): void {
    const count = (this.find(key)?.count ?? 0) + 1
    this.failures.delete(key)
    this.failures.set(key, { count, until: this.clock.now() + WAIT_MS })
    for (const oldest of this.failures.keys()) {
      if (this.failures.size <= MOST_REMEMBERED) return
      this.failures.delete(oldest)
    }
  }

  private tooMany(until: number): AppError {
    const seconds = Math.ceil((until - this.clock.now()) / 1000)
    return new AppError(
      'unavailable',
      'too-many-failures',
      `too many wrong passwords of this account from this address; wait ${seconds} s`,
      { details: { retryAfterSeconds: seconds } },
    )
  }
}
