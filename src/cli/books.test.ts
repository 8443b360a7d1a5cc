import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ServiceCall } from '../site/service-api.ts'
import { createFakeOutside, type FakeOutside } from './fake-outside.ts'
import { runCli } from './program.ts'

const orphan = { id: 1, system: 'mongodb', kind: 'user', name: 'u1', account: 'bob', mendable: true, detail: 'noted' }
const unsure = { id: 2, system: 'jupyterhub', kind: 'user', name: 'ops', mendable: false, detail: 'never an account' }

let folder = ''
let outside: FakeOutside
let calls: ServiceCall[] = []
let listed: object[] = []
/** How each command ends, by its number. */
let states: Record<number, string> = {}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-cli-'))
  vi.stubEnv('CLOUDMGR_HOME', join(folder, 'home'))
  outside = createFakeOutside(folder)
  await cli('up')
  outside.printed()
  calls = []
  listed = [orphan, unsure]
  states = {}
  const usual = outside.answerCall
  outside.answerCall = (call) => {
    calls.push(call)
    if (call.path === '/api/v2/comparisons') return { id: 7, plan: 'comparison', instance: '', phase: 'install' }
    if (call.path === '/api/v2/orphans') return { orphans: listed }
    if (call.path === '/api/v2/drift') return { drift: [] }
    if (!call.path.endsWith('/mend')) return usual(call)
    listed = [unsure]
    return { commands: [{ id: 8 }], left: [unsure] }
  }
  outside.answerEvents = (path) => {
    const id = Number(/commands\/(\d+)/.exec(path)?.[1])
    const command = { id, plan: 'orphan', instance: '', phase: 'remove', state: states[id] ?? 'done', message: 'told' }
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

const cli = async (...words: string[]) => await runCli([...words, '--state', join(folder, 'site')], outside.io)
const mends = () => calls.filter(({ path }) => path.endsWith('/mend'))

test('orphans are compared anew and listed with why, and nothing is ordered', async () => {
  expect(await cli('orphans')).toBe(0)
  const { out } = outside.printed()
  expect(out).toMatch(/mongodb user u1 +bob +yes +noted/)
  expect(out).toMatch(/jupyterhub user ops +no +never an account/)
  expect([calls.some(({ path }) => path === '/api/v2/comparisons'), mends()]).toEqual([true, []])
  expect(await cli('drift')).toBe(0)
  expect(outside.printed().out).toContain('everything is as delivered')
})

test('mending asks first, orders what is surely ours alone, and says what is left', async () => {
  outside.answer = 'yes'
  expect(await cli('orphans', '--mend')).toBe(2)
  expect(mends()).toEqual([])
  outside.answer = '1'
  expect(await cli('orphans', '--mend')).toBe(0)
  expect(mends()).toMatchObject([{ method: 'POST', body: { ids: [1] } }])
  const { out } = outside.printed()
  expect(out.slice(out.indexOf('command 8'))).toContain('jupyterhub user ops')
})

test('what may hold data goes only when that is said', async () => {
  listed = [orphan, { ...unsure, id: 3, holdsData: true }]
  await cli('orphans', '--mend', '--yes')
  listed = [orphan, { ...unsure, id: 3, holdsData: true }]
  await cli('orphans', '--mend', '--data', '--yes')
  expect(mends().map(({ body }) => body)).toEqual([{ ids: [1] }, { ids: [1, 3], data: true }])
})

test('an order that failed makes the exit code, in JSON too', async () => {
  states = { 8: 'failed' }
  expect(await cli('orphans', '--mend', '--yes', '--json')).toBe(1)
  expect(JSON.parse(outside.printed().out)).toMatchObject({ commands: [8], left: [{ id: 2 }] })
})

test('a comparison that failed lists nothing', async () => {
  states = { 7: 'failed' }
  expect(await cli('orphans')).toBe(5)
  expect(outside.printed().out).not.toContain('u1')
})
