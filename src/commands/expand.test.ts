import { expect, test } from 'vitest'
import { parsePlan } from '../catalog/load.ts'
import { type Expansion, expandPlan } from './expand.ts'

const plan = parsePlan(
  `plan: test
title: test
parameters: {properties: {b: {type: [boolean, string, number]}}}
steps:
  - {step: a, action: thing}
  - {step: b, action: thing, when: "\${params.b}"}
  - {step: c, action: thing, with: {name: "\${account.name}"}}
`,
  'test.yml',
)

/** `c<a` reads: c after a. */
function expanded(changes: Partial<Expansion> & { params?: Record<string, unknown> }): string[] {
  const { params = {}, ...rest } = changes
  const steps = expandPlan({ plan, phase: 'install', values: { params }, begun: new Set(), ...rest })
  return steps.map(({ step, after }) => (after.length === 0 ? step : `${step}<${after.join(',')}`))
}

test('a step that an update no longer asks for is taken away last; one that comes instead is made before', () => {
  const text = `plan: test
title: test
parameters: {properties: {own: {type: boolean}}}
steps:
  - {step: shared, action: thing, after: [], unless: "\${params.own}"}
  - {step: own, action: thing, after: [], when: "\${params.own}"}
  - {step: owned, action: thing, after: [own], when: "\${params.own}"}
`
  const steps = (own: boolean, begun: string[]) =>
    expandPlan({
      plan: parsePlan(text, 'test.yml'),
      phase: 'update',
      values: { params: { own } },
      begun: new Set(begun),
    }).map(({ step, mode, after }) => `${mode} ${step}<${after.join(',')}`)
  expect(steps(true, ['shared'])).toEqual(['ensure own<', 'ensure owned<own', 'remove shared<own,owned'])
  expect(steps(false, ['own', 'owned'])).toEqual(['ensure shared<', 'remove owned<shared', 'remove own<shared,owned'])
  expect(steps(false, ['shared'])).toEqual(['ensure shared<'])
})

test('a removal of an account that is gone asks nothing of it', () => {
  const text = `plan: test
title: test
steps:
  - {step: a, action: thing}
  - {step: b, action: thing, when: "\${account.person}"}
`
  const steps = (phase: 'install' | 'remove') =>
    expandPlan({ plan: parsePlan(text, 'test.yml'), phase, values: {}, begun: new Set() }).map(({ step }) => step)
  expect(steps('remove')).toEqual(['a'])
  expect(() => steps('install')).toThrow('account.person')
})

const cases: { given: Parameters<typeof expanded>[0]; steps: string[]; why: string }[] = [
  { given: { params: { b: true } }, steps: ['a', 'b<a', 'c<b'], why: 'steps follow the one before' },
  { given: { params: { b: false } }, steps: ['a', 'c<a'], why: 'a step left out is bridged' },
  { given: {}, steps: ['a', 'c<a'], why: 'an option that was not given is a no' },
  { given: { params: { b: 'no' } }, steps: ['a', 'c<a'], why: 'the word no is a no' },
  { given: { params: { b: 'yes' } }, steps: ['a', 'b<a', 'c<b'], why: 'the word yes is a yes' },
  { given: { phase: 'remove', params: { b: true } }, steps: ['c', 'b<c', 'a<b'], why: 'a removal goes backwards' },
  { given: { phase: 'remove' }, steps: ['c', 'a<c'], why: 'a removal leaves out what was never asked for' },
  {
    given: { phase: 'remove', begun: new Set(['b']) },
    steps: ['c', 'b<c', 'a<b'],
    why: 'a removal takes away what was begun, whatever the order says now',
  },
  {
    given: { phase: 'remove', undo: true, begun: new Set(['a', 'b']) },
    steps: ['b', 'a<b'],
    why: 'an undo removes begun steps only',
  },
]
for (const { given, steps, why } of cases) test(why, () => expect(expanded(given)).toEqual(steps))

test('a typing error in `when` is a mistake of the plan, not a no', () => {
  expect(() => expanded({ values: { parms: {} } })).toThrow(expect.objectContaining({ code: 'placeholder-unknown' }))
})

test('inputs stay unresolved, so that no secret lies in a row', () => {
  const steps = expandPlan({ plan, phase: 'install', values: { params: {} }, begun: new Set() })
  expect(steps.at(-1)?.input).toEqual({ name: '${account.name}' })
})
