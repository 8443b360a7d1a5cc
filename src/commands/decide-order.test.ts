import { expect, test } from 'vitest'
import { parsePlan } from '../catalog/load.ts'
import { decideOrder, type OrderFacts, type OrderWish } from './decide-order.ts'
import type { Expected } from './expected.ts'

const texts: Record<string, string> = {
  base: `orderable: admin
parameters: {properties: {own: {type: boolean, default: false}}}
steps: []`,
  pool: `orderable: user
phases: [install, update, remove, suspend, resume]
parameters:
  properties:
    label: {type: string, pattern: "^[a-z]+$", default: work}
    size: {type: integer, minimum: 0, maximum: 8, default: 1}
    image: {type: string}
    password: {type: string, secret: true}
instances: many
instance: \${params.label}
limit: 2
needs: [{plan: base, params: {own: true}}]
uses: {times: "\${params.size}", pods: 1, memoryLimits: 2Gi}
suspended: {size: 0}
steps: []`,
  tail: `orderable: user
instances: many
instance: \${params.name}
parameters: {properties: {name: {type: string, pattern: "^[a-z]+$"}}, required: [name]}
needs: [{plan: base, follow: true}]
steps: []`,
  scale: `orderable: user
phases: [update]
parameters: {properties: {name: {type: string}, scale: {type: integer}}, required: [name, scale]}
becomes: {plan: pool, params: {label: "\${params.name}", size: "\${params.scale}"}}`,
  cloud: 'orderable: admin\nproviders: [rancher]\nsteps: []',
  inner: 'orderable: system\nsteps: []',
}
const plans = new Map(
  Object.entries(texts).map(([name, text]) => [name, parsePlan(`plan: ${name}\ntitle: t\n${text}\n`, `${name}.yml`)]),
)

const base = (own: boolean): Expected => ({
  plan: 'base',
  instance: '',
  params: { own },
  suspended: false,
  usable: true,
})
const pool = (label: string, more: Partial<Expected> = {}): Expected => ({
  plan: 'pool',
  instance: label,
  params: { label, size: 2, image: 'a' },
  suspended: false,
  usable: true,
  ...more,
})

function decide(wish: Partial<OrderWish>, held: readonly Expected[] = [base(true)], change: Partial<OrderFacts> = {}) {
  const facts = { plans, provider: 'local', quota: { pods: '10', memoryLimits: '32Gi' }, account: 'alice', ...change }
  const requester = { name: 'alice', isAdmin: false }
  return decideOrder({ plan: 'pool', phase: 'install', params: {}, ...wish }, { requester, held, ...facts })
}

test('an install without a word has the plan’s defaults, and the instance by its parameter', () => {
  expect(decide({ params: { label: 'gpu' } })).toMatchObject({
    instance: 'gpu',
    after: { label: 'gpu', size: 1 },
    isNew: true,
  })
  expect(decide({})).toMatchObject({ instance: 'work', first: [] })
})

test('what an update does not say stays as it was; null goes back to the default', () => {
  const held = [base(true), pool('gpu')]
  const { before, after } = decide({ phase: 'update', params: { size: 3 } }, held)
  expect([before, after]).toMatchObject([{ size: 2 }, { label: 'gpu', size: 3, image: 'a' }])
  const reset = decide({ phase: 'update', params: { size: null, image: null } }, held).after
  expect(reset).toMatchObject({ size: 1 })
  expect(reset).not.toHaveProperty('image')
})

test('what is needed with other parameters is ordered first', () => {
  const [first] = decide({}, [base(false)]).first
  expect(first).toMatchObject({ plan: { plan: 'base' }, phase: 'update', given: { own: true }, after: { own: true } })
})

test('an order that becomes another one is checked as both', () => {
  const held = [base(true), pool('gpu'), pool('cpu')]
  const decided = decide({ plan: 'scale', phase: 'update', params: { name: 'cpu', scale: 4 } }, held)
  expect(decided).toMatchObject({ plan: { plan: 'pool' }, instance: 'cpu', after: { size: 4, image: 'a' } })
  const nobody = { plan: 'scale', phase: 'update', params: { name: 'tpu', scale: 4 } } as const
  expect(() => decide(nobody, held)).toThrow(expect.objectContaining({ code: 'service-unknown' }))
})

const refused: { wish: Partial<OrderWish>; held?: Expected[]; code: string; details?: object; why: string }[] = [
  { wish: { plan: 'pol' }, code: 'plan-unknown', why: 'an unknown plan' },
  { wish: { plan: 'base', phase: 'update' }, code: 'plan-not-orderable', why: 'a plan that admins order' },
  { wish: { plan: 'inner' }, code: 'plan-not-orderable', why: 'a plan that nobody orders' },
  {
    wish: { plan: 'scale', phase: 'install', params: { name: 'gpu', scale: 1 } },
    code: 'order-invalid',
    details: { errors: [{ field: 'phase', value: 'install', problem: 'must be one of update' }] },
    why: 'a phase that the plan does not have',
  },
  {
    wish: { params: { label: 'G 1', size: 'many', sise: 1, image: 'x' } },
    code: 'order-invalid',
    details: {
      errors: [
        {
          field: 'params.sise',
          problem: 'is not a parameter of this plan; did you mean size?; it has image, label, password, size',
        },
        { field: 'params.label', value: 'G 1', problem: 'must match ^[a-z]+$' },
        { field: 'params.size', value: 'many', problem: 'must be a whole number' },
      ],
    },
    why: 'several wrong parameters, all told at once',
  },
  { wish: { params: { size: 9 } }, code: 'order-invalid', why: 'too large a size' },
  { wish: {}, held: [], code: 'need-missing', details: { needs: ['base'] }, why: 'what it needs is missing' },
  {
    wish: {},
    held: [{ ...base(true), usable: false }],
    code: 'need-missing',
    why: 'what it needs was never delivered',
  },
  { wish: { phase: 'update' }, code: 'service-unknown', why: 'an update of nothing' },
  {
    wish: { phase: 'remove', params: { label: 'tpu' } },
    held: [pool('gpu')],
    code: 'service-unknown',
    why: 'a removal of nothing',
  },
  {
    wish: { phase: 'remove' },
    held: [pool('gpu'), pool('cpu')],
    code: 'order-invalid',
    details: { errors: [{ field: 'params.label', problem: 'is missing: which pool is meant (there are gpu, cpu)' }] },
    why: 'a removal that does not say of which',
  },
  {
    wish: { phase: 'suspend', params: { size: 1 } },
    held: [base(true), pool('gpu')],
    code: 'order-invalid',
    why: 'parameters together with a phase that takes none',
  },
  {
    wish: { phase: 'update' },
    held: [base(true), pool('gpu', { suspended: true })],
    code: 'service-suspended',
    why: 'a change of what is suspended',
  },
  {
    wish: { params: { label: 'tpu' } },
    held: [base(true), pool('gpu'), pool('cpu')],
    code: 'limit-reached',
    details: { right: '2 or less' },
    why: 'more of a plan than an account may have',
  },
  {
    wish: { phase: 'update', params: { label: 'cpu', size: 8 } },
    held: [base(true), pool('gpu', { params: { label: 'gpu', size: 3 } }), pool('cpu')],
    code: 'quota-reached',
    details: {
      errors: [expect.objectContaining({ field: 'pods', value: 8, problem: expect.stringContaining('7 or less') })],
    },
    why: 'more than the quota has left',
  },
]
for (const { wish, held, code, details, why } of refused) {
  test(`refused: ${why}`, () => {
    const about = details === undefined ? {} : { details: expect.objectContaining(details) }
    expect(() => decide(wish, held)).toThrow(expect.objectContaining({ code, ...about }))
  })
}

const admin = { requester: { name: 'root', isAdmin: true } }

test('a thing in use is neither removed nor changed under its user, who is named', () => {
  const held = [base(true), pool('gpu')]
  const details = expect.objectContaining({ usedBy: ['pool gpu'] })
  const inUse = expect.objectContaining({ code: 'service-in-use', details })
  expect(() => decide({ plan: 'base', phase: 'remove' }, held, admin)).toThrow(inUse)
  expect(() => decide({ plan: 'base', phase: 'update', params: { own: false } }, held, admin)).toThrow(inUse)
  expect(decide({ plan: 'base', phase: 'update' }, held, admin).after).toEqual({ own: true })
})

test('what the site does not offer is ordered by nobody anew, and can be removed', () => {
  const offer = { services: ['base'] }
  expect(() => decide({ params: { label: 'a' } }, undefined, offer)).toThrow(/not offered.*right is base/)
  expect(decide({ params: { label: 'a' } }, undefined, { services: ['pool'] }).plan.plan).toBe('pool')
  const held = [base(true), pool('a')]
  expect(decide({ phase: 'update', params: { label: 'a', size: 1 } }, held, offer).plan.plan).toBe('pool')
  expect(decide({ phase: 'remove', params: { label: 'a' } }, held, offer).plan.plan).toBe('pool')
})

test('what the site’s provider can’t deliver is said before anything is touched', () => {
  expect(() => decide({ plan: 'cloud' }, [], admin)).toThrow(expect.objectContaining({ code: 'plan-unavailable' }))
  expect(decide({ plan: 'cloud' }, [], { ...admin, provider: 'rancher' }).plan.plan).toBe('cloud')
})

test('a removal asks for no schema, but names a typing error', () => {
  const held = [base(true), pool('gpu', { params: { label: 'gpu', size: 99 } })]
  expect(decide({ phase: 'remove' }, held)).toMatchObject({ instance: 'gpu' })
  expect(() => decide({ phase: 'remove', params: { lable: 'gpu' } }, held)).toThrow(
    expect.objectContaining({ code: 'order-invalid' }),
  )
})

test('what follows a service is ordered after it when it becomes another thing, and only then', () => {
  const tail = (name: string, more: Partial<Expected> = {}): Expected => ({
    plan: 'tail',
    instance: name,
    params: { name },
    suspended: false,
    usable: true,
    ...more,
  })
  const held = [base(false), tail('one'), tail('two')]
  const change = (own: boolean) =>
    decide({ plan: 'base', phase: 'update', params: { own } }, held, { requester: { name: 'root', isAdmin: true } })
      .followers
  expect(change(false)).toEqual([])
  expect(change(true)).toMatchObject([
    { plan: { plan: 'tail' }, phase: 'update', instance: 'one', given: {} },
    { plan: { plan: 'tail' }, phase: 'update', instance: 'two', given: {} },
  ])
  const [first] = decide({ params: { label: 'gpu' } }, [base(false), tail('one')]).first
  expect(first?.followers).toMatchObject([{ plan: { plan: 'tail' }, instance: 'one' }])
})
