import { createHash } from 'node:crypto'
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import type { Clock } from '../../base/clock.ts'
import type { Db } from '../../db/database.ts'
import { inTransaction } from '../../db/transaction.ts'

/** Where the provider keeps codes, tokens and sessions: in the database, so that every API process knows them. */
export function artifactsIn(db: Db, clock: Clock): AdapterFactory {
  return (model) => new Artifacts(model, db, clock)
}

/** The library asks for promises of `undefined | void`. */
class Artifacts implements Adapter {
  readonly #model: string
  readonly #db: Db
  readonly #clock: Clock

  constructor(model: string, db: Db, clock: Clock) {
    this.#model = model
    this.#db = db
    this.#clock = clock
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const now = this.#clock.now()
    const content = {
      payload: JSON.stringify(payload),
      grant_id: payload.grantId ?? null,
      uid: payload.uid ?? null,
      expires_at: now + expiresIn * 1000,
    }
    await inTransaction(this.#db, async (tx) => {
      const key = this.#key(id)
      await tx.deleteFrom('oidc_artifacts').where('key', '=', key).execute()
      await tx
        .insertInto('oidc_artifacts')
        .values({ key, ...content, consumed_at: null })
        .execute()
    })
    if (this.#model === 'Session') await this.#sweep(now)
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return await this.#first('key', this.#key(id))
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return await this.#first('uid', uid)
  }

  async findByUserCode(): Promise<undefined> {
    // The device flow is off.
  }

  async consume(id: string): Promise<void> {
    const used = this.#db.updateTable('oidc_artifacts').set({ consumed_at: this.#clock.now() })
    await used.where('key', '=', this.#key(id)).execute()
  }

  async destroy(id: string): Promise<void> {
    await this.#db.deleteFrom('oidc_artifacts').where('key', '=', this.#key(id)).execute()
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#db.deleteFrom('oidc_artifacts').where('grant_id', '=', grantId).execute()
  }

  async #first(column: 'key' | 'uid', value: string): Promise<AdapterPayload | undefined> {
    const row = await this.#db
      .selectFrom('oidc_artifacts')
      .select(['payload', 'consumed_at'])
      .where(column, '=', value)
      .where('expires_at', '>', this.#clock.now())
      .executeTakeFirst()
    if (row === undefined) return undefined
    const payload = JSON.parse(row.payload) as AdapterPayload
    return row.consumed_at === null ? payload : { ...payload, consumed: Math.floor(Number(row.consumed_at) / 1000) }
  }

  #key(id: string): string {
    return `${this.#model}:${createHash('sha256').update(id, 'utf8').digest('hex')}`
  }

  async #sweep(now: number): Promise<void> {
    await this.#db.deleteFrom('oidc_artifacts').where('expires_at', '<=', now).execute()
  }
}
