import { expect, test } from 'vitest'
import { type Field, FieldProblem, fieldsOf, paramsOf, shownValue } from './fields.ts'
import { commandLine, nameParameter } from './order.ts'

const parameters = {
  required: ['name'],
  properties: {
    size: { type: 'integer', title: 'Workers', minimum: 0, maximum: 50, default: 1, unit: 'workers' },
    name: { type: 'string', title: 'Name' },
    mode: { enum: ['none', 'hpa'], title: 'Growth', description: 'hpa: by load', default: 'none' },
    tasks: { type: 'boolean', title: 'Tasks', default: true },
    packages: { type: 'array', title: 'Packages', items: { type: 'string' }, default: [] },
    profiles: { type: 'array', title: 'Choices', items: { type: 'object' } },
    token: { type: 'string', title: 'Token', secret: true },
    provider: { type: 'string', description: 'said by a program' },
  },
}
const fields = fieldsOf(parameters)
const field = (name: string) => fields.find((one) => one.name === name) as Field

test('people are asked for what has a title, the required first, with limits and units', () => {
  expect(fields.map(({ name, kind }) => [name, kind])).toEqual([
    ['name', 'text'],
    ['size', 'number'],
    ['mode', 'choice'],
    ['tasks', 'switch'],
    ['packages', 'lines'],
    ['profiles', 'json'],
    ['token', 'secret'],
  ])
  expect(field('size').about).toBe('From 0 to 50 workers')
  expect(field('mode').about).toBe('hpa: by load')
})

const typed = { name: 'a', size: '1', mode: 'none', tasks: 'on', packages: '', profiles: '', token: '' }

const cases: { typed: object; before?: object; params: object; why: string }[] = [
  { typed: {}, params: { name: 'a' }, why: 'what is as by default is left out' },
  { typed: { size: ' 3 ', tasks: '' }, params: { name: 'a', size: 3, tasks: false }, why: 'the rest is said' },
  {
    typed: { size: '2' },
    before: { name: 'a', size: 2, tasks: true, mode: 'none' },
    params: {},
    why: 'what was delivered so is left out',
  },
  { typed: { size: '' }, before: { name: 'a', size: 2 }, params: { size: null }, why: 'emptied: the default again' },
  {
    typed: { packages: 'one==1\n\n two ' },
    params: { name: 'a', packages: ['one==1', 'two'] },
    why: 'a list has one a line',
  },
  { typed: { profiles: '[{"a":1}]' }, params: { name: 'a', profiles: [{ a: 1 }] }, why: 'what is deep is JSON' },
  { typed: { token: '' }, before: { name: 'a', token: '******' }, params: {}, why: 'a secret that is not typed stays' },
  { typed: { token: ' s ' }, before: { name: 'a' }, params: { token: ' s ' }, why: 'a secret is taken as it is' },
  { typed: { size: '1' }, before: { name: 'a', size: 5 }, params: { size: 1 }, why: 'back to the default by hand' },
]
for (const { typed: change, before = {}, params, why } of cases) {
  test(why, () => expect(paramsOf(fields, { ...typed, ...change }, before as Record<string, unknown>)).toEqual(params))
}

for (const wrong of [{ size: 'many' }, { profiles: '[' }]) {
  test(`${Object.keys(wrong).join()} that can’t be read is told at its field`, () => {
    expect(() => paramsOf(fields, { ...typed, ...wrong }, {})).toThrow(FieldProblem)
  })
}

test('a field shows what was delivered', () => {
  expect(shownValue(field('packages'), ['one', 'two'])).toBe('one\ntwo')
  expect(shownValue(field('size'), 0)).toBe('0')
  expect(shownValue(field('name'), undefined)).toBe('')
})

test('the same order in a terminal, without what is secret', () => {
  const params = { name: 'a b', packages: ['one', 'two'], token: 's', size: null }
  expect(commandLine({ plan: 'pool', phase: 'install', account: 'alice', params, preview: false }, parameters)).toBe(
    "cloudmgr order add pool --account alice --param 'name=a b' --param 'packages=one;two' --param token=…",
  )
  expect(nameParameter({ instance: '${params.node-name}' })).toBe('node-name')
  expect(nameParameter({})).toBeUndefined()
})
