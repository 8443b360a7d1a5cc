import { expect, test } from 'vitest'
import { parsePlan } from '../catalog/load.ts'
import { dependentsFirst, openNeeds, usersOf } from './needs.ts'

const texts = [
  'plan: base\ntitle: b\nparameters: {properties: {own: {type: boolean, default: false}}}\nsteps: []\n',
  'plan: disk\ntitle: d\nparameters: {properties: {name: {type: string, pattern: x}}}\ninstances: many\ninstance: ${params.name}\nsteps: []\n',
  `plan: pool
title: p
parameters: {properties: {disk: {type: string}}}
needs:
  - {plan: base, params: {own: true}}
  - {plan: disk, instance: "\${params.disk}"}
steps: []
`,
]
const plans = new Map(texts.map((text) => [/plan: (\w+)/.exec(text)?.[1] ?? '', parsePlan(text, 'test.yml')]))
const pool = plans.get('pool')
const base = (own: boolean) => ({ plan: 'base', instance: '', params: { own } })
const disk = { plan: 'disk', instance: 'x', params: { name: 'x' } }

test('what is needed and missing is named, with the parameters that it would have to have', () => {
  if (pool === undefined) throw new Error('no plan')
  expect(openNeeds(pool, {}, [])).toMatchObject([{ plan: 'base', instance: '', params: { own: true }, missing: true }])
  expect(openNeeds(pool, {}, [base(false)])).toMatchObject([{ plan: 'base', params: { own: true }, missing: false }])
  expect(openNeeds(pool, {}, [base(true)])).toEqual([])
})

test('a need named by a parameter exists when the parameter was given', () => {
  if (pool === undefined) throw new Error('no plan')
  expect(openNeeds(pool, { disk: 'x' }, [base(true)])).toMatchObject([{ plan: 'disk', instance: 'x', missing: true }])
  expect(openNeeds(pool, { disk: 'x' }, [base(true), disk])).toEqual([])
})

test('who uses a thing is found, and who could not live with its change', () => {
  const used = { plan: 'pool', instance: '', params: { disk: 'x' } }
  expect(usersOf(disk, plans, [used], { removed: true })).toEqual([used])
  expect(usersOf({ ...disk, instance: 'y' }, plans, [used], { removed: true })).toEqual([])
  expect(usersOf(base(false), plans, [used], { removed: false })).toEqual([used])
  expect(usersOf(base(true), plans, [used], { removed: false })).toEqual([])
})

test('who needs others goes before them', () => {
  expect(dependentsFirst([base(true), { plan: 'pool' }, disk], plans).map(({ plan }) => plan)).toEqual([
    'pool',
    'base',
    'disk',
  ])
})
