import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findAccount } from '../../src/accounts/store.ts'
import { createRooms, siteWith, startHouse, type TestHouse, testPlans } from '../../src/api/testing.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { type Phase, phases } from '../../src/catalog/plan.ts'
import { submitCommand } from '../../src/commands/submit.ts'
import { type DatabaseOptions, type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { ordered } from '../integration/plans/orders.ts'
import { callers } from '../journeys/house.ts'
import type { RealOutside } from '../support/real-outside.ts'
import { startEngines } from './engines.ts'
import { fakeOutside, type StormOutside } from './outside.ts'
import { realOutside } from './real.ts'

export interface StormOptions {
  readonly seed: number
  /** It ends after so many, or when the time is over. */
  readonly kills: number
  readonly minutes: number
  /** With a real outside an empty one of its MariaDB is taken instead. */
  readonly database: DatabaseOptions
  /** Real systems, whose servers are killed too; left out, the outside is this process's memory. */
  readonly real?: RealOutside
}

export interface StormReport {
  readonly kills: number
  /** Servers that were killed, to come back after a while. */
  readonly outages: number
  readonly orders: number
  readonly refused: number
  readonly seconds: number
  /** Whatever should not have been; empty when all is well. */
  readonly wrongs: readonly string[]
}

const PEOPLE = 6
const MOST_OPEN = 25

/**
 * Engines are killed at moments that the seed chooses while orders of all kinds come in. Then they are left alone, and
 * everything must have ended: rows and world agree, nothing is lost, nothing held.
 */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const began = Date.now()
  const random = dice(options.seed)
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-storm-'))
  const given = { database: options.database, keys: `k1:${randomBytes(32).toString('base64')}`, folder }
  const outside = options.real === undefined ? fakeOutside(given) : await realOutside(options.real, random)
  const { keys, database } = outside.orders
  const db = openDatabase(database)
  await migrate(db)
  const site = outside.site ?? siteWith({ provider: 'local' })
  const rooms = createRooms(db, systemClock, site, undefined, parseKeyRing(keys, 'the storm'))
  const house = await startHouse({ ...rooms, db, clock: systemClock })
  const fateOf = () => ({
    call: 1 + random(60),
    effect: random(2) === 0 ? ('before' as const) : ('after' as const),
    ms: outside.shortestLifeMs + random(outside.shortestLifeMs + 3_000),
  })
  const engines = startEngines(outside.orders, outside.adapterOf, fateOf)
  const storm = new Storm(db, house, random, outside)
  try {
    await storm.begin()
    const until = began + options.minutes * 60_000
    while (engines.kills() < options.kills && Date.now() < until) {
      await storm.happen()
      await outside.disturb()
      await systemClock.sleep(5 + random(60))
    }
    engines.spare()
    await outside.calm()
    await storm.settle()
    await storm.check(outside.left)
    const { orders, refused } = storm
    const wrongs = [...engines.wrongs, ...storm.wrongs]
    const seconds = (Date.now() - began) / 1_000
    return { kills: engines.kills(), outages: outside.outages(), orders, refused, seconds, wrongs }
  } finally {
    await outside.calm()
    await engines.stop()
    await house.close()
    await db.destroy()
    rmSync(folder, { recursive: true, force: true })
  }
}

type Caller = ReturnType<ReturnType<typeof callers>['as']>

/** A cluster beside the site's own has servers of its own, which the fakes are not; `plans-kill` orders real ones. */
const ofOtherClusters = new Set(['cluster', 'tenant'])

class Storm {
  orders = 0
  refused = 0
  readonly wrongs: string[] = []
  readonly #db: Db
  readonly #house: TestHouse
  readonly #random: (below: number) => number
  readonly #plans: readonly string[]
  readonly #settleMs: number
  #admin: Caller | undefined
  #people: string[] = []
  #count = 0

  constructor(db: Db, house: TestHouse, random: (below: number) => number, { settleMs }: StormOutside) {
    this.#db = db
    this.#settleMs = settleMs
    this.#house = house
    this.#random = random
    const isOrdered = (name: string) =>
      ordered[name]?.subject === undefined && testPlans.get(name)?.orderable !== 'system'
    this.#plans = Object.keys(ordered).filter((name) => isOrdered(name) && !ofOtherClusters.has(name))
  }

  async begin(): Promise<void> {
    const { body } = await callers(this.#house).bootstrap()
    this.#admin = callers(this.#house).as('admin', body.admin.apikey as string)
    await this.#signUp('source')
  }

  /** One of all that people do. */
  async happen(): Promise<void> {
    if ((await this.#open()).length >= MOST_OPEN) return
    if (this.#people.length < 2) return await this.#signUp()
    const chance = this.#random(100)
    if (chance < 8 && this.#people.length < PEOPLE) return await this.#signUp()
    if (chance < 11) return await this.#remove(this.#pick(this.#people) ?? '')
    if (chance < 18) return await this.#change('cancel', Status.open)
    if (chance < 28) return await this.#change('retry', Status.failed)
    if (chance < 33) return await this.#change('undo', Status.failed)
    const plan = this.#pick(this.#plans) ?? ''
    const phase = this.#pick<Phase>(['install', 'install', 'install', ...phases])
    const params = { ...ordered[plan]?.instance, ...ordered[plan]?.params?.[phase ?? 'install'] }
    await this.#post('/api/v2/orders', { plan, phase, params, account: this.#pick(this.#people) })
  }

  #pick<One>(all: readonly One[]): One | undefined {
    return all[this.#random(Math.max(1, all.length))]
  }

  async #signUp(name = `person${++this.#count}`): Promise<void> {
    if (name !== 'source') this.#people.push(name)
    await this.#post('/api/v2/accounts', { name, email: `${name}@example.org` })
  }

  async #remove(name: string): Promise<void> {
    this.#people = this.#people.filter((one) => one !== name)
    this.#note(await this.#admin?.delete(`/api/v2/accounts/${name}`))
  }

  async #change(what: 'cancel' | 'retry' | 'undo', statuses: readonly number[]): Promise<void> {
    const rows = this.#db
      .selectFrom('commands')
      .select(['id', 'plan', 'phase'])
      .where('status', 'in', statuses as 0[])
    const all = await rows.where('subject', 'is not', null).execute()
    // Whoever is taken away goes in the end.
    const command = this.#pick(all.filter(({ plan, phase }) => plan !== 'omegaml' || phase !== 'remove'))
    if (command !== undefined) await this.#post(`/api/v2/commands/${command.id}/${what}`)
  }

  async #post(url: string, body: object = {}): Promise<void> {
    this.#note(await this.#admin?.post(url, body))
  }

  /** Much of it is refused, for it is not thought about; nothing may fail. */
  #note(answer: { readonly status: number; readonly body: unknown } | undefined): void {
    if (answer === undefined) return
    if (answer.status < 300) this.orders += 1
    else this.refused += 1
    if (answer.status >= 500) this.wrongs.push(`the API answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  }

  async #open() {
    const open = this.#db.selectFrom('commands').selectAll().where('ended_at', 'is', null)
    return await open.execute()
  }

  /** Everything ends once engines are left alone. */
  async settle(): Promise<void> {
    const until = Date.now() + this.#settleMs
    while ((await this.#open()).length > 0 && Date.now() < until) await systemClock.sleep(50)
    for (const { id, plan, phase, message } of await this.#open())
      this.wrongs.push(`command ${id} (${phase} of ${plan}) has not ended: ${message ?? 'no message'}`)
  }

  async check(world: () => Promise<string[]>): Promise<void> {
    if (this.wrongs.length > 0) return
    await this.#checkRows()
    await this.#checkFailures()
    await this.#compare()
    for (const name of [...(await this.#whoIsLeft()), 'source', 'omworker']) await this.#takeAway(name)
    await this.settle()
    const left = await world()
    for (const line of left) this.wrongs.push(`left when all accounts were gone: ${line}`)
    if (left.length > 0) this.wrongs.push(...(await this.#history()))
    await this.#checkRows()
  }

  async #checkRows(): Promise<void> {
    const tasks = this.#db
      .selectFrom('tasks')
      .select(['id', 'step', 'state'])
      .where('state', 'in', ['ready', 'running'])
    for (const { id, step, state } of await tasks.execute()) this.wrongs.push(`task ${id} (${step}) is still ${state}`)
    for (const { name } of await this.#db.selectFrom('locks').select('name').execute())
      this.wrongs.push(`the lock ${name} is still held`)
  }

  /** What failed was cancelled, or needed what had failed or gone. */
  async #checkFailures(): Promise<void> {
    const failed = this.#db.selectFrom('commands').select(['id', 'plan', 'phase', 'message']).where('status', '=', 9)
    for (const { id, plan, phase, message } of await failed.execute())
      if (!allowed.test(message ?? '')) this.wrongs.push(`command ${id} (${phase} of ${plan}) failed: ${message}`)
    const done = this.#db.selectFrom('commands').select('id').where('status', 'in', [5, 8])
    const undone = this.#db.selectFrom('tasks').select('command_id').where('state', '!=', 'done')
    for (const { command_id } of await undone.where('command_id', 'in', done).execute())
      this.wrongs.push(`command ${command_id} ended well with a task that is not done`)
  }

  async #compare(): Promise<void> {
    await this.#post('/api/v2/comparisons')
    await this.settle()
    for (const one of await this.#db.selectFrom('findings').selectAll().execute())
      if (one.difference === 'orphan' || !(await this.#wasCancelled(one.account, one.plan, one.instance)))
        this.wrongs.push(`${one.difference}: ${one.system} ${one.kind} ${one.name}: ${one.detail}`)
  }

  /** Also who was being removed when somebody cancelled that. */
  async #whoIsLeft(): Promise<string[]> {
    const rows = await this.#db.selectFrom('accounts').select('name').where('name', 'like', 'person%').execute()
    return rows.map(({ name }) => name)
  }

  /** Every order, a line each. */
  async #history(): Promise<string[]> {
    const rows = await this.#db.selectFrom('commands').selectAll().orderBy('id').execute()
    return rows.map(
      ({ id, subject, phase, plan, instance, status, undo_of, message }) =>
        `command ${id} of ${subject}: ${phase} ${plan} ${instance} ${status} ${undo_of === null ? '' : `undo of ${undo_of} `}${message ?? ''}`,
    )
  }

  /** What was cancelled in its middle is left there, until somebody retries it. */
  async #wasCancelled(account: string | null, plan: string | null, instance: string | null): Promise<boolean> {
    const subject = (await findAccount(this.#db, account ?? ''))?.id ?? 0
    const rows = this.#db.selectFrom('commands').select('status').where('subject', '=', subject)
    const ofThis = rows.where('plan', '=', plan ?? '').where('instance', '=', instance ?? '')
    return (await ofThis.orderBy('id', 'desc').executeTakeFirst())?.status === 9
  }

  /** The one of shared workers can't be removed by the API: its plan is. */
  async #takeAway(name: string): Promise<void> {
    if (name !== 'omworker') return await this.#remove(name)
    await this.settle()
    const account = await findAccount(this.#db, name)
    const order = { plan: 'shared-runtime', phase: 'remove', requestedBy: 'admin' } as const
    if (account !== undefined) await submitCommand(this.#db, { ...order, subject: account.id })
  }
}

const Status = { open: [0, 1], failed: [9] } as const

const allowed =
  /^cancelled by |which account .* does not have|was never delivered|is suspended|there is no account|is still there, as its removal/

/** Whole numbers below a bound, the same for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
