import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { testPlans } from '../../src/api/testing.ts'
import { AppError } from '../../src/base/errors.ts'
import { parametersOf } from '../../src/catalog/parameters.ts'
import { type Service, startService } from './house.ts'

/** What would mean something to Helm, to our own plans, to Terraform, to the omega-ml configuration, a shell, YAML and SQL. */
const texts = ['{{ .Release }}', '${env.HOME}', '%{if x}', '{OMEGA_APIKEY}', '$(id)', '`id`', "' OR 1", 'a\nb: c']
const text = texts.join('')

/** Parameters that take any text, and what becomes of it. A new one belongs here, and into what is tried below. */
const freeTexts: Readonly<Record<string, string>> = {
  'credential.key': 'sealed; goes to the environment of a Terraform run, one variable for each entry',
  'credential.secret': 'sealed; as key',
  'nodepool.credential': 'must name a service of the account’s own',
  'registry.username': 'written into the Secret with which images are pulled, as JSON',
  'registry.password': 'sealed; written into the same Secret',
  'runtime.registry': 'must name a service of the account’s own',
  'runtime.storage': 'must name a service of the account’s own',
  'runtime.node-type': 'kept with the order, used by nothing',
  'worker.node-name': 'must name a service of the account’s own',
}

describe('parameters of plans that users order', () => {
  const found = [...testPlans.values()]
    .filter((plan) => plan.orderable === 'user')
    .flatMap((plan) =>
      Object.entries(parametersOf(plan.parameters)).flatMap(([name, { type }]) => {
        // Said by the client of every service, used by none.
        const isText = name !== 'provider' && (type === 'string' || type === 'array')
        const isTaken = texts.some((one) => takes(plan, name, type === 'array' ? [one] : one))
        return isText && isTaken ? [`${plan.plan}.${name}`] : []
      }),
    )

  test('take no text that would mean something elsewhere, but for those that are known', () => {
    expect(found.toSorted()).toEqual(Object.keys(freeTexts).toSorted())
  })
})

function takes(plan: { checkParams(params: Record<string, never>): unknown }, name: string, value: unknown): boolean {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose
    plan.checkParams({ [name]: value } as Record<string, never>)
    return true
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const errors = (error.details?.['errors'] ?? []) as { field: string }[]
    return !errors.some(({ field }) => field.startsWith(`params.${name}`))
  }
}

describe('what an account writes', () => {
  let service: Service
  let alice: ReturnType<Service['as']>

  beforeEach(async () => {
    service = await startService()
    const { body } = await service.bootstrap()
    await service.engine.start()
    await service.ended(body.omworker.command)
    const admin = service.as('admin', body.admin.apikey)
    const made = await admin.post('/api/v2/accounts', { name: 'alice', email: 'alice@example.org' })
    await service.ended(made.body.command)
    alice = service.as('alice', made.body.apikey)
  })
  afterEach(async () => await service.close())

  const order = async (body: object) => {
    const answer = await alice.post('/api/v2/orders', { phase: 'install', ...body })
    if (answer.status === 201) await service.ended(answer.body.id)
    return answer
  }

  test('reaches the Secret of a registry letter by letter', async () => {
    const params = { name: 'mine', server: 'ghcr.io', username: text, password: `sealed:${text}` }
    expect(await order({ plan: 'registry', params })).toMatchObject({ status: 201 })
    const ref = { apiVersion: 'v1', kind: 'Secret', name: 'registry-mine', namespace: 'om-alice' }
    const secret = (await service.outside.kubernetes.find(ref)) as { data?: Record<string, string> } | undefined
    const written = Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString()
    expect(JSON.parse(written)).toMatchObject({ auths: { 'ghcr.io': { username: text, password: `sealed:${text}` } } })
  })

  test('reaches no chart where nothing reads it, and stands in the order as it was', async () => {
    const short = text.slice(0, 60)
    const { body } = await order({ plan: 'runtime', params: { label: 'a', 'node-type': short, provider: short } })
    const command = (await alice.get(`/api/v2/commands/${body.id}`)).body
    expect(command).toMatchObject({ state: 'done', params: { 'node-type': short } })
    expect(JSON.stringify(service.outside.helm.valuesOf('runtime-a', 'om-alice'))).not.toMatch(
      /Release|HOME|OMEGA_APIKEY/,
    )
  })

  test('can’t name a registry or a volume that is not the account’s', async () => {
    for (const params of [{ registry: '{{ x }}' }, { storage: '../etc' }]) {
      const answer = await order({ plan: 'runtime', params })
      expect(answer).toMatchObject({ status: 409, body: { code: 'need-missing' } })
    }
  })

  test('can’t bring its programs to the site’s own nodes, nor call nodes of its own that', async () => {
    for (const plan of ['runtime', 'jupyter', 'database', 'nodepool']) {
      for (const role of ['control', 'dbmaster', 'ingress', 'system']) {
        const params = { role, ...(plan === 'nodepool' || plan === 'database' ? { name: 'mine' } : {}) }
        const { status, body } = await order({ plan, params })
        expect(status, `${plan} on ${role}`).toBe(400)
        expect(body.detail, `${plan} on ${role}`).toContain(`role "${role}" must be none of ["control","dbmaster",`)
      }
    }
  })
})
