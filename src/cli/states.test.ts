import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AppError } from '../base/errors.ts'
import { parseKeyRing } from '../base/key-ring.ts'
import { createStateStore } from '../clusters/terraform-states.ts'
import { openDatabase } from '../db/database.ts'
import { ensureSecrets } from '../site/secrets.ts'
import type { ServiceCall } from '../site/service-api.ts'
import { createFakeOutside, type FakeOutside } from './fake-outside.ts'
import { runCli } from './program.ts'

let folder = ''
let site = ''
let outside: FakeOutside
let calls: ServiceCall[] = []

const machine = (name: string) => ({
  mode: 'managed',
  type: 'm',
  name,
  instances: [{ attributes: { token: 'geheim' } }],
})
const state = (serial: number, names: readonly string[]) =>
  JSON.stringify({ version: 4, serial, lineage: 'l1', resources: names.map(machine) })
const ordered = {
  root: 'nodepool-alice-gpu',
  version: 2,
  serial: 2,
  resources: 1,
  bytes: 10,
  changedAt: '2026-01-01T00:00:00.000Z',
}
const versions = [
  { version: 2, serial: 2, resources: 1, bytes: 10, writtenAt: '2026-01-01T00:00:00.000Z' },
  { version: 1, serial: 1, resources: 2, bytes: 12, writtenAt: '2025-01-01T00:00:00.000Z' },
]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-cli-'))
  site = join(folder, 'site')
  vi.stubEnv('CLOUDMGR_HOME', join(folder, 'home'))
  outside = createFakeOutside(folder)
  await cli('up')
  outside.printed()
  await inJournal(async ({ write }) => {
    await write(state(1, ['a', 'b']))
    await write(state(2, ['b', 'c']))
  })
  calls = []
  const usual = outside.answerCall
  outside.answerCall = (call) => {
    calls.push(call)
    if (call.path === '/api/v2/states') return { states: [ordered] }
    if (call.path.endsWith('/versions/1')) return { ...versions[1], addresses: ['m.x', 'm.y'] }
    if (call.method === 'POST') return { id: 8 }
    if (call.path === '/api/v2/states/nodepool-alice-gpu') return { ...ordered, addresses: ['m.y'], versions }
    return usual(call)
  }
  outside.answerEvents = () => {
    const command = {
      id: 8,
      plan: 'terraform-state',
      instance: '',
      phase: 'install',
      state: 'done',
      message: 'restored',
    }
    return [
      { event: 'state', id: '1', data: JSON.stringify(command) },
      { event: 'end', id: '2', data: '' },
    ]
  }
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const cli = async (...words: string[]) => await runCli([...words, '--state', site], outside.io)

/** The site's journal, between two commands. */
async function inJournal<T>(
  work: (parts: {
    db: ReturnType<typeof openDatabase>
    write: (text: string) => Promise<void>
    read: () => Promise<string | undefined>
  }) => Promise<T>,
): Promise<T> {
  const db = openDatabase({ kind: 'sqlite', path: join(site, 'journal.db') })
  const states = createStateStore(db, parseKeyRing(ensureSecrets(site).engineKeys, 'the test'), Date.now)
  const write = async (text: string) => await states.write('cluster', text, undefined)
  try {
    return await work({ db, write, read: async () => await states.read('cluster') })
  } finally {
    await db.destroy()
  }
}

const stored = async () => await inJournal(async ({ read }) => JSON.parse((await read()) ?? '{}'))
const lock = async (lock_id: string | null) =>
  await inJournal(async ({ db }) => {
    const lock_info = '{"Info":"step cluster of command 1","Who":"root@host"}'
    await db.updateTable('terraform_states').set({ lock_id, lock_info, locked_at: 1 }).execute()
  })

test('states of the site and of what was ordered are listed', async () => {
  expect(await cli('state', 'list')).toBe(0)
  const { out } = outside.printed()
  expect(out).toMatch(/^cluster +site +2 +2 +2 +\d+ /m)
  expect(out).toMatch(/^nodepool-alice-gpu +service +2 +2 +1 +10 /m)
  await cli('state', 'list', '--json')
  expect(JSON.parse(outside.printed().out)).toMatchObject([
    { root: 'cluster', place: 'site', serial: 2, resources: 2 },
    { root: 'nodepool-alice-gpu', place: 'service' },
  ])
})

test('a site that is down has its own states all the same', async () => {
  outside.answerCall = () => {
    throw new AppError('unavailable', 'service-away', 'no answer')
  }
  expect(await cli('state', 'list')).toBe(0)
  const { out, err } = outside.printed()
  expect(out).toContain('cluster')
  expect(err).toContain('no answer')
})

test('a state is shown by addresses and versions, without a value', async () => {
  expect(await cli('state', 'show', 'cluster')).toBe(0)
  expect(outside.printed().out).toMatch(/serial 2, 2 resources.*\n {2}m\.b\n {2}m\.c\n$/)
  expect(await cli('state', 'history', 'cluster')).toBe(0)
  expect(outside.printed().out).toMatch(/\n2 +2 +2 .*\n1 +1 +2 /)
  for (const word of ['show', 'history']) await cli('state', word, 'cluster', '--json')
  expect(outside.printed().out).not.toContain('geheim')
  expect(await cli('state', 'show', 'nodepool-alice-gpu')).toBe(0)
  expect(outside.printed().out).toContain('m.y')
})

test('a restore says what it means, asks, and raises the serial', async () => {
  outside.answer = 'yes'
  expect(await cli('state', 'restore', 'cluster', '1')).toBe(2)
  const { out } = outside.printed()
  expect(out).toMatch(/forgets these.*\n +m\.c\n.*takes these for there again:\n +m\.a\n/)
  expect((await stored()).serial).toBe(2)
  outside.answer = 'cluster'
  expect(await cli('state', 'restore', 'cluster', '1')).toBe(0)
  expect(outside.printed().out).toContain('serial 3')
  expect(await stored()).toEqual(JSON.parse(state(3, ['a', 'b'])))
  expect(await cli('state', 'restore', 'cluster', '1', '--yes', '--json')).toBe(0)
  expect(JSON.parse(outside.printed().out)).toEqual({ root: 'cluster' })
})

test('what is not there, or no number, is told', async () => {
  expect(await cli('state', 'restore', 'cluster', '7', '--yes')).toBe(3)
  expect(await cli('state', 'restore', 'cluster', 'newest', '--yes')).toBe(2)
  expect(await cli('state', 'show', 'moon')).toBe(3)
})

test('the lock of a dead run is told, keeps a version from being restored, and is taken away when asked', async () => {
  await lock('dead')
  await cli('state', 'show', 'cluster')
  expect(outside.printed().out).toMatch(/locked by step cluster of command 1 \(root@host\) since 1970.*has died/)
  expect(await cli('state', 'restore', 'cluster', '1', '--yes')).toBe(4)
  expect(outside.printed().err).toContain('state unlock cluster')
  expect(await cli('state', 'unlock', 'cluster')).toBe(2)
  outside.answer = 'cluster'
  expect(await cli('state', 'unlock', 'cluster')).toBe(0)
  expect(await cli('state', 'unlock', 'cluster')).toBe(0)
  expect(outside.printed().out).toContain('nobody has the lock')
  expect(await cli('state', 'restore', 'cluster', '1', '--yes')).toBe(0)
})

test('a process of another host may live: it is named, and state unlock is the way out', async () => {
  writeFileSync(join(site, 'lock'), '17 elsewhere another-start\n')
  expect(await cli('down')).toBe(4)
  expect(outside.printed().err).toMatch(/process 17 on elsewhere.*state unlock cluster/)
  expect(await cli('state', 'restore', 'cluster', '1', '--yes')).toBe(4)
  expect(await cli('state', 'unlock', 'cluster')).toBe(2)
  expect(existsSync(join(site, 'lock'))).toBe(true)
  expect(await cli('state', 'unlock', 'cluster', '--yes')).toBe(0)
  expect(existsSync(join(site, 'lock'))).toBe(false)
})

test('a readable state of before is listed as such, and has no versions yet', async () => {
  mkdirSync(join(site, 'terraform', 'volumes'), { recursive: true })
  writeFileSync(join(site, 'terraform', 'volumes', 'terraform.tfstate'), state(4, ['v']))
  await cli('state', 'list')
  expect(outside.printed().out).toMatch(/^volumes +site +0 +4 +1 .*moves it into the journal/m)
  await cli('state', 'show', 'volumes')
  expect(outside.printed().out).toContain('m.v')
  expect(await cli('state', 'history', 'volumes')).toBe(4)
})

test('states of ordered things are changed by orders', async () => {
  outside.answer = 'nodepool-alice-gpu'
  expect(await cli('state', 'restore', 'nodepool-alice-gpu', '1')).toBe(0)
  expect(outside.printed().out).toMatch(/takes these for there again:\n +m\.x\n/)
  expect(calls.at(-1)).toMatchObject({ method: 'POST', body: { version: 1 } })
  const usual = outside.answerCall
  const dead = { holder: 'step nodes of command 3', alive: false }
  outside.answerCall = (call) =>
    call.path === '/api/v2/states/nodepool-alice-gpu' ? { ...ordered, lock: dead, versions } : usual(call)
  expect(await cli('state', 'unlock', 'nodepool-alice-gpu', '--yes')).toBe(0)
  expect(calls.at(-1)).toMatchObject({ method: 'POST', path: '/api/v2/states/nodepool-alice-gpu/unlock' })
  outside.answerCall = (call) =>
    call.path === '/api/v2/states/nodepool-alice-gpu'
      ? { ...ordered, lock: { ...dead, alive: true }, versions }
      : usual(call)
  for (const words of [['unlock'], ['restore']] as const)
    expect(await cli('state', ...words, 'nodepool-alice-gpu', ...(words[0] === 'restore' ? ['1'] : []), '--yes')).toBe(
      4,
    )
})
