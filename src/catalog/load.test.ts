import { expect, test } from 'vitest'
import { parsePlan } from './load.ts'

const good = `plan: test
title: A test
parameters:
  properties:
    size: {type: integer, minimum: 1, default: 2}
    kind: {enum: [a, b]}
  required: [kind]
steps:
  - {step: one, action: thing}
  - {step: two, action: thing, with: {id: "\${steps.one.id}"}}
  - {step: three, action: thing, after: [one]}
`

test('a step without `after` follows the one before', () => {
  expect(parsePlan(good, 'test.yml').steps.map((step) => step.after)).toEqual([[], ['one'], ['one']])
})

const mistakes: { from: string; to: string; line: number; field: string; why: string }[] = [
  { from: 'title: A test\n', to: '', line: 1, field: 'title', why: 'a missing title' },
  { from: 'plan: test', to: 'plan: Test', line: 1, field: 'plan', why: 'a name in upper case' },
  {
    from: 'step: two, action: thing',
    to: 'step: two',
    line: 10,
    field: 'steps[1].action',
    why: 'a step without action',
  },
  {
    from: 'step: two, action: thing',
    to: 'step: two, action: thong',
    line: 10,
    field: 'steps[1].action',
    why: 'an unknown action',
  },
  { from: 'step: two,', to: 'step: one,', line: 10, field: 'steps[1].step', why: 'a step that is there twice' },
  { from: 'after: [one]', to: 'after: [four]', line: 11, field: 'steps[2].after', why: 'an unknown predecessor' },
  { from: 'steps.one.id', to: 'steps.four.id', line: 10, field: 'steps[1].with', why: 'outputs of an unknown step' },
  { from: 'steps.one.id', to: 'a b', line: 10, field: 'steps[1].with', why: 'an expression' },
  {
    from: 'action: thing}\n  - {step: two',
    to: 'action: thing, after: [three]}\n  - {step: two',
    line: 9,
    field: 'steps',
    why: 'steps that wait for each other',
  },
  { from: 'type: integer', to: 'type: whole', line: 4, field: 'parameters', why: 'a schema that is none' },
]
for (const { from, to, line, field, why } of mistakes) {
  test(`${why} is named with file, line and field`, () => {
    expect(good).toContain(from)
    const details = { file: 'test.yml', line, field }
    expect(() => parsePlan(good.replace(from, to), 'test.yml', new Set(['thing']))).toThrow(
      expect.objectContaining({ kind: 'invalid', code: 'plan-invalid', details }),
    )
  })
}

test('broken YAML is named with its line', () => {
  expect(() => parsePlan('plan: test\nsteps: [', 'test.yml')).toThrow(/test\.yml:\d/)
})

test('defaults are filled in, what was given stays as it was', () => {
  const given = { kind: 'a' }
  expect(parsePlan(good, 'test.yml').checkParams(given)).toEqual({ kind: 'a', size: 2 })
  expect(given).toEqual({ kind: 'a' })
})

const params: { given: Record<string, unknown>; parameter: string; why: string }[] = [
  { given: {}, parameter: 'kind', why: 'a missing parameter' },
  { given: { kind: 'c' }, parameter: 'kind', why: 'a value that is not offered' },
  { given: { kind: 'a', size: 0 }, parameter: 'size', why: 'a number out of range' },
  { given: { kind: 'a', sise: 1 }, parameter: 'sise', why: 'a typing error' },
]
for (const { given, parameter, why } of params) {
  test(`refused: ${why}`, () => {
    const problems = [expect.objectContaining({ parameter })]
    const details = expect.objectContaining({ problems })
    expect(() => parsePlan(good, 'test.yml').checkParams(given)).toThrow(
      expect.objectContaining({ code: 'parameters-invalid', details }),
    )
  })
}
