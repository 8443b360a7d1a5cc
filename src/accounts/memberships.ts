import { Cache } from '../base/cache.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/database.ts'
import { findMembership, groupNamesOf, type Membership } from './group-store.ts'

/** How long somebody who left by another process may still be answered here; the group's passwords are new by then. */
const REMEMBERED_MS = 3_000

/** Who may use which group's service; asked with every config call under a group's qualifier. */
export class Memberships {
  private readonly db: Db
  private readonly known: Cache<Membership>
  private readonly names: Cache<readonly string[]>

  constructor(deps: { db: Db; clock: Clock }) {
    this.db = deps.db
    this.known = new Cache(deps.clock, { ttlMs: REMEMBERED_MS, limit: 20_000 })
    this.names = new Cache(deps.clock, { ttlMs: REMEMBERED_MS, limit: 20_000 })
  }

  async find(group: string, accountId: number): Promise<Membership | undefined> {
    return await this.known.get(key(group, accountId), async () => await findMembership(this.db, group, accountId))
  }

  /** The groups that the account is in, by name. */
  async groupsOf(accountId: number): Promise<readonly string[]> {
    return (await this.names.get(String(accountId), async () => await groupNamesOf(this.db, accountId))) ?? []
  }

  /** After any change of it. */
  forget(group: string, accountId: number): void {
    this.known.forget(key(group, accountId))
    this.names.forget(String(accountId))
  }
}

function key(group: string, accountId: number): string {
  return `${accountId} ${group}`
}
