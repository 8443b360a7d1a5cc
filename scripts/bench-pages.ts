import type { AddressInfo } from 'node:net'
import { randomWord } from '../src/base/secrets.ts'
import { type DatabaseOptions, type Db, openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { startService } from '../test/journeys/house.ts'
import { ask, type Load, load, show } from './bench-load.ts'

const ACCOUNTS = 1_000
const COMMANDS = 10_000
const STEPS = 5
const LINES = 5
const AT_ONCE = 4
const REQUESTS = 1_000
const DAY_MS = 86_400_000

/** The pages of a service that has a past: 1,000 accounts, 10,000 commands with their steps and output. */
export async function measurePages(options: DatabaseOptions): Promise<void> {
  const [api, engine] = [openDatabase(options), openDatabase(options)]
  await migrate(engine)
  const service = await startService({ api, engine })
  try {
    const { body } = await service.bootstrap()
    await writePast(engine)
    await service.open.listen({ host: '127.0.0.1', port: 0 })
    const { port } = service.open.server.address() as AddressInfo
    const admin = `ApiKey admin:${body.admin.apikey}`
    const newest = await engine
      .selectFrom('commands')
      .select(({ fn }) => fn.max('id').as('id'))
      .executeTakeFirstOrThrow()
    const first = Number(newest.id) - COMMANDS
    for (const [name, path] of Object.entries(pages(first))) {
      const times: Load = await load(REQUESTS, AT_ONCE, async (index) => await ask(port, path(index), admin))
      console.log(`  ${name.padEnd(28)}${show(times)}`)
    }
  } finally {
    await service.close()
    await Promise.all([api.destroy(), engine.destroy()])
  }
}

const someone = (index: number): string => `past${(index * 37) % ACCOUNTS}`

/** What is measured: each page, with as many different subjects as there are requests. */
function pages(first: number): Record<string, (index: number) => string> {
  return {
    'nothing (ping)': () => '/api/v1/ping',
    accounts: (index) => `/api/v2/accounts?after=${someone(index)}`,
    'an account': (index) => `/api/v2/accounts/${someone(index)}`,
    commands: (index) => `/api/v2/commands?before=${first + 100 + ((index * 131) % (COMMANDS - 100))}`,
    'commands of an account': (index) => `/api/v2/commands?account=${someone(index)}`,
    'commands of a plan': () => '/api/v2/commands?plan=registry',
    'failed commands': () => '/api/v2/commands?state=failed',
    'done commands': () => '/api/v2/commands?state=done',
    'running commands': () => '/api/v2/commands?state=running',
    'a command': (index) => `/api/v2/commands/${first + 1 + ((index * 131) % COMMANDS)}`,
    deployments: (index) => `/api/v2/deployments?after=${(index * 53) % (2 * ACCOUNTS)}`,
    'deployments of an account': (index) => `/api/v2/deployments?account=${someone(index)}`,
    audit: () => '/api/v2/audit',
    'audit of an account': (index) => `/api/v2/audit?subject=${someone(index)}`,
    'audit of an actor': (index) => `/api/v2/audit?actor=${someone(index)}`,
    'audit of an action': () => '/api/v2/audit?action=account.',
  }
}

/** Rows as the service leaves them, written at once. */
async function writePast(db: Db): Promise<void> {
  const now = Date.now() - 30 * DAY_MS
  await insertMany(ACCOUNTS, async (numbers) => {
    const rows = numbers.map((number) => ({
      name: `past${number}`,
      email: `past${number}@example.org`,
      password_hash: null,
      role: 'user' as const,
      rights: '[]',
      status: 'active' as const,
      created_at: now,
      mail_confirmed_at: now,
    }))
    await db.insertInto('accounts').values(rows).execute()
  })
  const accounts = await db.selectFrom('accounts').select(['id', 'name']).where('name', 'like', 'past%').execute()
  const accountOf = (number: number) => accounts[number % ACCOUNTS] ?? { id: 0, name: '' }
  await insertMany(2 * ACCOUNTS, async (numbers) => {
    const rows = numbers.map((number) => ({
      account_id: accountOf(number).id,
      plan: number < ACCOUNTS ? 'omegaml' : 'registry',
      instance: number < ACCOUNTS ? '' : 'mine',
      status: 5 as const,
      settings_encrypted: randomWord(2_000),
      ready_at: now,
      params: JSON.stringify({ name: 'mine', server: 'ghcr.io' }),
      suspended_at: null,
      message: null,
      created_at: now,
      updated_at: now,
    }))
    await db.insertInto('deployments').values(rows).execute()
  })
  await insertMany(COMMANDS, async (numbers) => {
    const rows = numbers.map((number) => ({
      plan: number % 10 === 0 ? 'registry' : 'omegaml',
      phase: 'install' as const,
      params: '{}',
      subject: accountOf(number).id,
      requested_by: accountOf(number).name,
      idempotency_key: null,
      content_hash: randomWord(64),
      lane: `account:${accountOf(number).id}`,
      active_lane: null,
      status: number % 20 === 0 ? (9 as const) : (5 as const),
      undo_of: null,
      cancelled: null,
      message: null,
      due_at: now + number,
      created_at: now + number,
      started_at: now + number,
      ended_at: now + number + 2_000,
    }))
    await db.insertInto('commands').values(rows).execute()
  })
  await writeSteps(db, now)
  await insertMany(3 * COMMANDS, async (numbers) => {
    const rows = numbers.map((number) => ({
      at: now + number,
      actor: number % 3 === 0 ? 'admin' : accountOf(number).name,
      action: ['account.create', 'order.install', 'key.create'][number % 3] ?? '',
      subject: accountOf(number).name,
      detail: '{}',
    }))
    await db.insertInto('audit_log').values(rows).execute()
  })
}

async function writeSteps(db: Db, now: number): Promise<void> {
  const commands = await db.selectFrom('commands').select(['id', 'subject']).where('status', 'in', [5, 9]).execute()
  await insertMany(commands.length * STEPS, async (numbers) => {
    const rows = numbers.map((number) => ({
      command_id: commands[Math.floor(number / STEPS)]?.id ?? 0,
      subject: commands[Math.floor(number / STEPS)]?.subject ?? null,
      step: `step${number % STEPS}`,
      action: 'kubernetes-apply',
      position: number % STEPS,
      after: '[]',
      input: '{}',
      state: 'done' as const,
      due_at: now,
      attempts: 1,
      fencing: 1,
      message: 'already as wanted',
      outputs: null,
      started_at: now,
      ended_at: now,
    }))
    await db.insertInto('tasks').values(rows).execute()
  })
  const tasks = await db.selectFrom('tasks').select('id').where('state', '=', 'done').execute()
  await insertMany(tasks.length * LINES, async (numbers) => {
    const rows = numbers.map((number) => ({
      task_id: tasks[Math.floor(number / LINES)]?.id ?? 0,
      at: now,
      line: 'created NetworkPolicy om-somebody/allow-out',
    }))
    await db.insertInto('task_output').values(rows).execute()
  })
}

async function insertMany(count: number, insert: (numbers: readonly number[]) => Promise<void>): Promise<void> {
  const size = 500
  for (let start = 0; start < count; start += size)
    await insert(Array.from({ length: Math.min(size, count - start) }, (_, index) => start + index))
}
