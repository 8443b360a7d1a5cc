import { afterEach, beforeEach, expect, test } from 'vitest'
import { parsePlan } from '../../catalog/load.ts'
import { bootstrapKey, signedInAs, startHouse, type TestHouse } from '../testing.ts'

const plans = new Map(
  [
    'plan: pool\ntitle: Pool\norderable: user\nsteps: []\n',
    'plan: cluster\ntitle: Cluster\norderable: admin\nproviders: [rancher]\nsteps: []\n',
  ].map((text) => {
    const plan = parsePlan(text, 'test.yml')
    return [plan.plan, plan]
  }),
)

let house: TestHouse
let admin: { authorization: string }
let alice: { authorization: string }

beforeEach(async () => {
  house = await startHouse({ plans })
  const headers = { authorization: `Bootstrap ${bootstrapKey}` }
  const made = await house.open.inject({ method: 'POST', url: '/api/v2/bootstrap', headers, payload: {} })
  admin = signedInAs('admin', made.json().admin.apikey)
  const payload = { name: 'alice', email: 'alice@example.org' }
  const added = await house.open.inject({ method: 'POST', url: '/api/v2/accounts', headers: admin, payload })
  alice = signedInAs('alice', added.json().apikey)
})
afterEach(async () => await house.close())

test('everybody sees what they may order, and why a site can’t deliver something', async () => {
  const get = async (headers: object) =>
    (await house.open.inject({ url: '/api/v2/plans', headers: { ...headers } })).json().plans
  expect((await get(alice)).map(({ plan }: { plan: string }) => plan)).toEqual(['pool'])
  const [, cluster] = await get(admin)
  expect(cluster).toMatchObject({
    plan: 'cluster',
    orderable: 'admin',
    unavailable: expect.stringContaining('rancher'),
  })
})

const unknown = [
  { plan: 'pol', told: 'did you mean pool?' },
  { plan: 'database', told: 'there are cluster, pool' },
]
test.each(unknown)('an unknown plan is answered with what may have been meant', async ({ plan, told }) => {
  const answer = await house.open.inject({ url: `/api/v2/plans/${plan}`, headers: alice })
  expect(answer.statusCode).toBe(404)
  expect(answer.body).toContain(told)
})
