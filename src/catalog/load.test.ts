import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { accountActionNames } from '../books/books-actions.ts'
import { loadPlans, parsePlan } from './load.ts'

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
    const problems = [expect.objectContaining({ field: `params.${parameter}` })]
    const details = expect.objectContaining({ errors: problems })
    expect(() => parsePlan(good, 'test.yml').checkParams(given)).toThrow(
      expect.objectContaining({ code: 'parameters-invalid', details }),
    )
  })
}

const service = `plan: pool
title: A pool
orderable: user
phases: [install, update, remove, suspend, resume]
parameters:
  properties:
    label: {type: string, pattern: "^[a-z]+$", default: work}
    size: {type: integer, minimum: 0, maximum: 8, default: 1, unit: workers}
    password: {type: string, minLength: 4, secret: true}
    renew: {type: boolean, default: false, once: true}
instances: many
instance: \${params.label}
limit: 3
needs: [{plan: base, params: {own: true}}]
uses: {pods: "\${params.size}"}
price: {amount: 0.5, currency: EUR, per: worker and hour}
suspended: {size: 0}
steps:
  - {step: one, action: thing, with: {size: "\${params.size}"}}
`

test('what a service says beyond its steps is kept', () => {
  expect(parsePlan(service, 'pool.yml')).toMatchObject({
    for: 'account',
    orderable: 'user',
    instance: '${params.label}',
    limit: 3,
    needs: [{ plan: 'base', params: { own: true } }],
    price: { amount: 0.5 },
    secrets: ['password'],
    once: ['renew'],
    suspended: { size: 0 },
  })
})

test('a plan that says nothing is for nobody, and there is one of it per account', () => {
  expect(parsePlan(good, 'test.yml')).toMatchObject({
    orderable: 'system',
    phases: ['install', 'update', 'remove'],
    instances: 'one',
    limit: 1,
  })
})

const serviceMistakes: { from: string; to: string; line: number; field: string; why: string }[] = [
  { from: 'orderable: user', to: 'orderable: users', line: 3, field: 'orderable', why: 'an unknown kind of caller' },
  { from: ', suspend, resume', to: ', suspend', line: 4, field: 'phases', why: 'suspend without resume' },
  { from: ', suspend, resume', to: '', line: 17, field: 'suspended', why: 'values for a phase that is not there' },
  { from: 'instances: many', to: 'instances: one', line: 12, field: 'instance', why: 'a name for the only one' },
  { from: 'instance: ${params.label}\n', to: '', line: 1, field: 'instance', why: 'several without a name' },
  { from: 'params.label}', to: 'params.lable}', line: 12, field: 'instance', why: 'a name by an unknown parameter' },
  {
    from: 'pattern: "^[a-z]+$", ',
    to: '',
    line: 7,
    field: 'parameters.properties.label',
    why: 'a name that may hold anything',
  },
  {
    from: 'pods: "${params.size}"',
    to: 'pods: "${params.pods}"',
    line: 15,
    field: 'uses',
    why: 'an unknown parameter',
  },
  {
    from: 'with: {size: "${params.size}"}',
    to: 'with: {size: "${params.count}"}',
    line: 19,
    field: 'steps[0].with',
    why: 'an unknown parameter in a step',
  },
  { from: 'suspended: {size', to: 'suspended: {sise', line: 17, field: 'suspended.sise', why: 'an unknown value' },
  { from: 'default: 1, unit', to: 'default: 9, unit', line: 6, field: 'parameters', why: 'a default out of its range' },
  {
    from: 'type: string, minLength: 4, secret',
    to: 'type: integer, secret',
    line: 9,
    field: 'parameters.properties.password',
    why: 'a secret that is no text',
  },
  { from: 'currency: EUR', to: 'currency: euro', line: 16, field: 'price.currency', why: 'an unknown currency' },
  { from: 'steps:\n', to: 'stops:\n', line: 1, field: '', why: 'a typing error in a field' },
]
for (const { from, to, line, field, why } of serviceMistakes) {
  test(`${why} is named with file, line and field`, () => {
    expect(service).toContain(from)
    const details = { file: 'pool.yml', line, field }
    expect(() =>
      parsePlan(
        service.replace(from, () => to),
        'pool.yml',
        new Set(['thing']),
      ),
    ).toThrow(expect.objectContaining({ kind: 'invalid', code: 'plan-invalid', details }))
  })
}

test('all wrong parameters are told at once, with value and what is right; secrets without their value', () => {
  const given = { label: 'A b', size: 9, password: 'abc', colour: 'red' }
  const problems = [
    { field: 'params.colour', problem: 'is not a parameter of this plan; it has label, password, renew, size' },
    { field: 'params.label', value: 'A b', problem: 'must match ^[a-z]+$' },
    { field: 'params.size', value: 9, problem: 'must be 8 or less' },
    { field: 'params.password', problem: 'must have 4 characters or more' },
  ]
  expect(() => parsePlan(service, 'pool.yml').checkParams(given)).toThrow(
    expect.objectContaining({ details: { plan: 'pool', errors: problems } }),
  )
})

function folderOf(texts: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-plans-'))
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, `${name}.yml`), text)
  return folder
}

const needing = (name: string, other: string) =>
  `plan: ${name}\ntitle: t\nneeds: [{plan: ${other}}]\nsteps: [{step: s, action: thing}]\n`

const together: { texts: Record<string, string>; why: string }[] = [
  { texts: { a: needing('a', 'b'), b: needing('b', 'a') }, why: 'plans that need each other' },
  { texts: { a: needing('a', 'nothing') }, why: 'a plan that needs what is not there' },
  { texts: { b: needing('a', 'a') }, why: 'a file with another name than its plan' },
]
for (const { texts, why } of together) {
  test(`refused: ${why}`, () => {
    const folder = folderOf(texts)
    expect(() => loadPlans(folder)).toThrow(expect.objectContaining({ code: 'plan-invalid' }))
    rmSync(folder, { recursive: true })
  })
}

test('the catalogue’s plans for accounts use actions of the service, those of the site stay apart', () => {
  const folder = resolve(import.meta.dirname, '../../catalog/plans')
  const plans = loadPlans(folder, accountActionNames, 'account')
  expect([...plans.keys()]).toContain('omegaml')
  expect([...plans.keys()]).not.toContain('site')
})

test('a parameter takes its default of the site’s facts, and has none where the site says nothing', () => {
  const text = good.replace('kind: {', 'home: {type: integer, siteDefault: home.sizeGb}\n    kind: {')
  const facts = { home: { sizeGb: 7 } }
  expect(parsePlan(text, 'test.yml', undefined, facts).checkParams({ kind: 'a' })).toMatchObject({ home: 7 })
  expect(parsePlan(text, 'test.yml').checkParams({ kind: 'a' })).not.toHaveProperty('home')
})
