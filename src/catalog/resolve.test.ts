import { expect, test } from 'vitest'
import { resolve, resolveGiven } from './resolve.ts'

const place = { plan: 'p', step: 's', field: 'with' }
const values = {
  account: { name: 'alice', tags: ['x'] },
  params: { size: 3, on: true, none: null },
  steps: { db: { 'user-id': 'u' } },
}

const good: { template: unknown; result: unknown; why: string }[] = [
  { template: 'plain', result: 'plain', why: 'a text without placeholders stays' },
  { template: 'om-${account.name}', result: 'om-alice', why: 'a value is put into the text' },
  { template: '${params.size}', result: 3, why: 'a placeholder alone keeps the number' },
  { template: '${params.on}', result: true, why: 'a placeholder alone keeps the boolean' },
  { template: '${account.tags}', result: ['x'], why: 'a placeholder alone keeps the list' },
  { template: '${params.none}', result: null, why: 'null is a value' },
  { template: '${account.name}-${params.size}', result: 'alice-3', why: 'several in one text' },
  { template: '${steps.db.user-id}', result: 'u', why: 'names with hyphens' },
  { template: '${params.size|account.name}', result: 3, why: 'the first of several that is known' },
  { template: '${params.image|account.name}', result: 'alice', why: 'the next when the first is not given' },
  {
    template: { a: ['${account.name}', 1], b: { c: null } },
    result: { a: ['alice', 1], b: { c: null } },
    why: 'at any depth',
  },
]
for (const { template, result, why } of good) test(why, () => expect(resolve(template, values, place)).toEqual(result))

test('what a value holds is not looked at again: a tenant’s text can’t name secrets', () => {
  const tricky = { ...values, account: { name: '${secrets.root}' }, secrets: { root: 'r' } }
  expect(resolve('x ${account.name}', tricky, place)).toBe('x ${secrets.root}')
})

const bad: { template: unknown; code: string; field: string; why: string }[] = [
  { template: '${account.mail}', code: 'placeholder-unknown', field: 'with', why: 'an unknown name' },
  {
    template: { a: ['${nothing}'] },
    code: 'placeholder-unknown',
    field: 'with.a[0]',
    why: 'an unknown name further down',
  },
  { template: '${account.constructor}', code: 'placeholder-unknown', field: 'with', why: 'what every object has' },
  { template: '${account.__proto__}', code: 'placeholder-unknown', field: 'with', why: 'the prototype' },
  { template: 'x ${account.tags}', code: 'placeholder-not-text', field: 'with', why: 'a list inside a text' },
  { template: '${process.env.HOME}', code: 'placeholder-unknown', field: 'with', why: 'the environment' },
  { template: '${1 + 1}', code: 'placeholder-unknown', field: 'with', why: 'an expression' },
]
for (const { template, code, field, why } of bad) {
  test(`refused: ${why}`, () => {
    const details = expect.objectContaining({ plan: 'p', step: 's', field })
    expect(() => resolve(template, values, place)).toThrow(expect.objectContaining({ code, details }))
  })
}

test('what needs a parameter that was not given is left out; other unknown names are still mistakes', () => {
  const template = {
    size: '${params.size}',
    image: '${params.image}',
    list: ['x', 'registry-${params.registry}', { claim: '${params.claim}', path: '/x' }],
    deep: { gpu: '${params.gpu}' },
  }
  expect(resolveGiven(template, values, place)).toEqual({ size: 3, list: ['x'], deep: {} })
  expect(() => resolveGiven({ a: '${account.mail}' }, values, place)).toThrow(
    expect.objectContaining({ code: 'placeholder-unknown' }),
  )
})

test('an object of a list whose `when` does not hold is left out, and `when` is no part of it', () => {
  const list = (when: string) => [{ when, name: 'home' }]
  expect(resolveGiven(list('${params.size}'), values, place)).toEqual([{ name: 'home' }])
  for (const size of [0, '', false, undefined])
    expect(resolveGiven(list('${params.size}'), { params: { size } }, place)).toEqual([])
  expect(() => resolveGiven(list('${nobody.size}'), values, place)).toThrow(
    expect.objectContaining({ code: 'placeholder-unknown' }),
  )
})

test('what a step did not give is told with what it gave', () => {
  const given = { steps: { cluster: { ca: 'c', api_server: 'a' }, idle: {} }, secrets: {} }
  const message = (template: string) => {
    try {
      return resolve(template, given, place)
    } catch (error) {
      return (error as Error).message
    }
  }
  expect(message('${steps.cluster.kubeconfig|secrets.kubeconfig}')).toBe(
    'plan p, step s, with: ${steps.cluster.kubeconfig}, ${secrets.kubeconfig} are not known; step cluster gave api_server, ca',
  )
  expect(message('${steps.idle.x}')).toBe('plan p, step s, with: ${steps.idle.x} is not known; step idle gave nothing')
})
