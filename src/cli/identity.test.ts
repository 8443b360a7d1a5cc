import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { bootstrapKey, signedInAs, startHouse, type TestHouse } from '../api/testing.ts'
import type { ServiceCall } from '../site/service-api.ts'
import { errorOf } from '../site/service-http.ts'
import { createFakeOutside, type FakeOutside } from './fake-outside.ts'
import { runCli } from './program.ts'

let folder = ''
let outside: FakeOutside
let house: TestHouse

/** The CLI on a site of its own, whose service is the real API on a database in memory. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-cli-'))
  vi.stubEnv('CLOUDMGR_HOME', join(folder, 'home'))
  outside = createFakeOutside(folder)
  house = await startHouse()
  const headers = { authorization: `Bootstrap ${bootstrapKey}` }
  const made = await house.open.inject({ method: 'POST', url: '/api/v2/bootstrap', headers, payload: {} })
  const admin = signedInAs('admin', made.json().admin.apikey)
  outside.answerCall = async (call) => await answered(call, admin)
  await cli('up')
  outside.printed()
})
afterEach(async () => {
  await house.close()
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

async function answered({ method = 'GET', path, body }: ServiceCall, headers: Record<string, string>) {
  const payload = body === undefined ? {} : { payload: body as object }
  const answer = await house.open.inject({ method, url: path, headers, ...payload })
  const told = answer.body === '' ? undefined : answer.json()
  if (answer.statusCode < 300) return told
  throw errorOf({ status: answer.statusCode, body: told }, path)
}

const cli = async (...words: string[]) => await runCli([...words, '--state', join(folder, 'site')], outside.io)

// oxlint-disable-next-line typescript/no-explicit-any -- as deep as the answers are
async function json(...words: string[]): Promise<any> {
  await cli(...words, '--json')
  return JSON.parse(outside.printed().out)
}

function file(text: string): string {
  const path = join(folder, 'people.csv')
  writeFileSync(path, text)
  return path
}

test('accounts are imported, again without harm, and wrong lines are told without keeping others out', async () => {
  const people = file(
    'name;email;role\nalice;Alice@example.org;\nhelper;h@example.org;staff\nNo;x;user\nroot;r@example.org;\n',
  )
  expect(await cli('account', 'import', people)).toBe(1)
  const { out } = outside.printed()
  expect(out).toContain('2 made, 0 there already, 2 refused')
  expect(out).toMatch(/^4 +No +refused +.*name: right is .*email: right is/m)
  const again = await json('account', 'import', people)
  expect(again.accounts.map((one: { outcome: string }) => one.outcome)).toEqual([
    'there',
    'there',
    'refused',
    'refused',
  ])
  expect((await house.deps.accounts.get(house.db, 'helper')).role).toBe('staff')
})

test('a name that belongs to another address is refused, not passed over', async () => {
  await cli('account', 'import', file('name,email\nalice,alice@example.org\n'))
  outside.printed()
  const { accounts } = await json('account', 'import', file('name,email\nalice,other@example.org\n'))
  expect(accounts).toMatchObject([{ line: 2, name: 'alice', outcome: 'refused' }])
})

const wrongFiles = [
  { text: 'name,mail\n', why: 'no line', code: 0 },
  { text: 'name,mail\nalice,a@b.org\n', why: 'a column that there is not', code: 2 },
  { text: 'name,email\nalice\n', why: 'a line with too few fields', code: 2 },
]
for (const { text, why, code } of wrongFiles) {
  test(`${code} for a file with ${why}`, async () => expect(await cli('account', 'import', file(text))).toBe(code))
}

test('a file that is not there', async () => expect(await cli('account', 'import', join(folder, 'none.csv'))).toBe(3))

test('groups are made, filled, shown and removed', async () => {
  await cli('account', 'import', file('name,email\nalice,a@example.org\nbobby,b@example.org\n'))
  outside.printed()
  expect(await cli('group', 'create', 'team', '--owner', 'alice')).toBe(0)
  expect(outside.printed().out).toMatch(/^group team is pending, command \d+ follows\n {2}alice +owner$/m)
  expect(await cli('group', 'add', 'team', 'bobby')).toBe(0)
  outside.printed()
  expect((await json('group', 'show', 'team')).members).toMatchObject([
    { account: 'alice', role: 'owner' },
    { account: 'bobby', role: 'member' },
  ])
  expect(await cli('group', 'drop', 'team', 'bobby')).toBe(0)
  outside.printed()
  expect(await json('group', 'list')).toMatchObject([{ name: 'team', members: [{ account: 'alice' }] }])
  outside.answer = 'something else'
  expect(await cli('group', 'remove', 'team')).toBe(2)
  outside.answer = 'team'
  expect(await cli('group', 'remove', 'team')).toBe(0)
  expect(await cli('group', 'show', 'other')).toBe(3)
})

test('keys are made, listed and revoked', async () => {
  const key = await json('key', 'create', 'ci', '--expires', '2027-01-01T00:00:00Z')
  expect(key).toMatchObject({ name: 'ci', apikey: expect.stringMatching(/^\w{40}$/) })
  expect(await cli('key', 'list', 'admin')).toBe(0)
  expect(outside.printed().out).toMatch(/ci +2027-01-01T00:00:00\.000Z +never/)
  expect(await cli('key', 'revoke', 'admin', String(key.id))).toBe(0)
  expect(await cli('key', 'revoke', 'admin', String(key.id))).toBe(3)
  expect(await cli('key', 'create', 'late', '--expires', '2020-01-01T00:00:00Z')).toBe(2)
})

test('who changed what is listed', async () => {
  await cli('account', 'import', file('name,email\nalice,a@example.org\n'))
  expect(await cli('account', 'deactivate', 'alice')).toBe(0)
  expect(outside.printed().out).toContain('account alice is disabled')
  expect(await cli('account', 'activate', 'alice')).toBe(0)
  expect(await cli('account', 'approve', 'alice')).toBe(4)
  outside.printed()
  const entries = await json('audit', '--subject', 'alice', '--action', 'account.')
  expect(entries.map((entry: { action: string }) => entry.action)).toEqual([
    'account.activate',
    'account.deactivate',
    'account.create',
  ])
  expect(await cli('audit', '--from', 'yesterday')).toBe(2)
})

test('the signing key is replaced; the one before is listed until its end, unless it ends now', async () => {
  const [first] = await json('signing-key', 'list')
  expect(first).toMatchObject({ signs: true })
  expect(await json('signing-key', 'rotate')).toMatchObject([
    { signs: true },
    { kid: first.kid, signs: false, endsAt: expect.any(String) },
  ])
  expect(await json('signing-key', 'rotate', '--end-old')).toHaveLength(1)
  expect(await cli('signing-key', 'list')).toBe(0)
  expect(outside.printed().out).toContain('signs')
})

test('a store is shared and taken back by orders of plan share', async () => {
  const ordered: object[] = []
  const { answerCall } = outside
  outside.answerCall = async (call) => {
    if (call.path !== '/api/v2/orders') return await answerCall(call)
    ordered.push(call.body as object)
    return { id: 1, state: 'waiting' }
  }
  expect(await cli('account', 'share', 'alice', '--with', 'bob', '--read-only', '--no-wait')).toBe(0)
  expect(await cli('account', 'unshare', 'alice', '--with', 'bob', '--no-wait')).toBe(0)
  expect(ordered).toEqual([
    { plan: 'share', phase: 'install', account: 'alice', params: { with: 'bob', access: 'read' } },
    { plan: 'share', phase: 'remove', account: 'alice', params: { with: 'bob' } },
  ])
  expect(await cli('account', 'share', 'alice')).toBe(2)
})
