import { expect, test } from 'vitest'
import { terraformError } from './errors.ts'
import { isEmpty } from './port.ts'
import { continuedOf, outputsOf, previewOf, readEvent } from './events.ts'

test('lines tell what happens, progress is a reason to wait, noise is left out', () => {
  const start = { type: 'apply_start', '@message': 'a.b: Creating...' }
  expect(readEvent(JSON.stringify(start))).toEqual({ line: 'a.b: Creating...' })
  const progress = {
    type: 'apply_progress',
    '@message': 'x',
    hook: { resource: { addr: 'a.b' }, action: 'create', elapsed_seconds: 10 },
  }
  expect(readEvent(JSON.stringify(progress))).toEqual({ waiting: 'create of a.b, 10 s so far' })
  expect(readEvent(JSON.stringify({ type: 'version', '@message': 'OpenTofu 1' }))).toEqual({})
  expect(readEvent('plain text')).toEqual({ line: 'plain text' })
  expect(readEvent('{broken')).toEqual({ line: '{broken' })
})

const printed = (...events: object[]) => events.map((event) => JSON.stringify(event)).join('\n')

test('what changes in the state alone is no less a change', () => {
  const change = (addr: string, action: string) => ({ type: 'planned_change', change: { resource: { addr }, action } })
  const preview = previewOf(printed(change('i', 'import'), change('m', 'move'), change('f', 'remove')))
  expect(preview).toMatchObject({ creates: [], changes: [], deletes: [], stateOnly: ['i', 'm', 'f'] })
  expect(isEmpty(preview)).toBe(false)
})

test('what is called otherwise now is told with both addresses, whether it changes besides or not', () => {
  const moved = (addr: string, from: string, action: string) => ({
    type: 'planned_change',
    change: { resource: { addr }, previous_resource: { addr: from }, action },
  })
  expect(previewOf(printed(moved('b', 'y', 'update'), moved('a', 'x', 'move'))).moved).toEqual([
    { from: 'x', to: 'a' },
    { from: 'y', to: 'b' },
  ])
})

test('what an earlier run did not finish is named, and a Rancher cluster among it goes on', () => {
  const tainted = (type: string) => ({
    type: 'planned_change',
    change: { resource: { addr: `${type}.one`, resource_type: type }, action: 'replace', reason: 'tainted' },
  })
  const lines = printed(tainted('hcloud_server'), tainted('rancher2_cluster_v2'))
  expect(previewOf(lines).unfinished).toEqual(['hcloud_server.one', 'rancher2_cluster_v2.one'])
  expect(continuedOf(lines)).toEqual(['rancher2_cluster_v2.one'])
})

test('a preview sorts addresses by what happens to them', () => {
  const change = (addr: string, action: string, type = 'planned_change') => ({
    type,
    change: { resource: { addr }, action },
  })
  const looked = (addr: string) => ({ type: 'refresh_start', hook: { resource: { addr } } })
  const lines = printed(
    ...[looked('u'), looked('module.m.d["x"]'), looked('data.y'), change('u', 'update', 'resource_drift')],
    ...[change('c', 'create'), change('u', 'update'), change('r', 'replace'), change('d', 'delete')],
    ...[change('data.x', 'read'), change('module.m.data.x', 'read')],
    { type: 'outputs', outputs: { same: { action: 'noop' }, other: { action: 'update' } } },
  )
  expect(previewOf(`${lines}\nwords of a provider`)).toEqual({
    creates: ['c'],
    changes: ['u'],
    replaces: ['r'],
    deletes: ['d'],
    outputs: ['other'],
    drifted: ['u'],
    held: ['u', 'module.m.d["x"]'],
  })
})

test('an apply tells the outputs that are no secrets', () => {
  const outputs = { size: { sensitive: false, value: 0 }, key: { sensitive: true } }
  expect(outputsOf(printed({ type: 'change_summary' }, { type: 'outputs', outputs }))).toEqual({ size: 0 })
  expect(outputsOf('')).toEqual({})
})

const meanings: { summary: string; kind: string; code: string; why: string }[] = [
  {
    summary: 'Error acquiring the state lock',
    kind: 'unavailable',
    code: 'terraform-locked',
    why: 'a held state may be free later',
  },
  {
    summary: 'Saved plan is stale',
    kind: 'conflict',
    code: 'preview-stale',
    why: 'a preview that is out of date is shown again',
  },
  {
    summary: 'Unsupported argument',
    kind: 'invalid',
    code: 'terraform-invalid',
    why: 'a misspelt argument is no matter of trying again',
  },
  {
    summary: 'machine did not start',
    kind: 'unavailable',
    code: 'terraform-failed',
    why: 'what a cloud refuses now it may do later',
  },
]
for (const { summary, kind, code, why } of meanings) {
  test(why, () => {
    const error = terraformError('applying', [{ severity: 'error', summary, detail: 'because', address: 'a.b' }], '')
    expect(error).toMatchObject({
      kind,
      code,
      details: { diagnostics: [{ summary, detail: 'because', address: 'a.b' }] },
    })
    expect((error.cause as Error).message).toBe(`a.b: ${summary}: because`)
  })
}
