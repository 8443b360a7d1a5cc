import { expect, test } from 'vitest'
import { terraformError } from './errors.ts'
import { continuedOf, previewOf, readEvent } from './events.ts'

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

test('what an earlier run did not finish is named, and a Rancher cluster among it goes on', () => {
  const tainted = (type: string) => ({
    address: `${type}.one`,
    type,
    mode: 'managed',
    action_reason: 'replace_because_tainted',
    change: { actions: ['delete', 'create'] },
  })
  const json = JSON.stringify({ resource_changes: [tainted('hcloud_server'), tainted('rancher2_cluster_v2')] })
  expect(previewOf(json).unfinished).toEqual(['hcloud_server.one', 'rancher2_cluster_v2.one'])
  expect(continuedOf(json)).toEqual(['rancher2_cluster_v2.one'])
})

test('a preview sorts addresses by what happens to them', () => {
  const change = (address: string, actions: readonly string[], mode = 'managed') => ({
    address,
    mode,
    change: { actions },
  })
  const shown = {
    resource_changes: [
      change('n', ['no-op']),
      change('c', ['create']),
      change('u', ['update']),
      change('r', ['delete', 'create']),
      change('s', ['create', 'delete']),
      change('d', ['delete']),
      change('data.x', ['read'], 'data'),
    ],
    resource_drift: [{ address: 'u' }],
    output_changes: { same: { actions: ['no-op'] }, other: { actions: ['update'] } },
  }
  expect(previewOf(JSON.stringify(shown))).toEqual({
    creates: ['c'],
    changes: ['u'],
    replaces: ['r', 's'],
    deletes: ['d'],
    outputs: ['other'],
    drifted: ['u'],
  })
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
