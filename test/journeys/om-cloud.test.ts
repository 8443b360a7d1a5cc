import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { type Service, startService } from './house.ts'

/** What `om cloud …` of the omega-ml client does, request by request. */
let service: Service
let admin: { authorization: string }
let alice: { authorization: string }

const client = { 'user-agent': 'python-requests/2.32.3', qualifier: 'default' }
const commandUrl = '/admin/api/v2/service/command'

beforeEach(async () => {
  service = await startService()
  const { body } = await service.bootstrap()
  admin = { authorization: `ApiKey admin:${body.admin.apikey}` }
  await service.engine.start()
  alice = await signUp('alice')
})
afterEach(async () => await service.close())

async function signUp(name: string) {
  const payload = { name, email: `${name}@example.org` }
  const made = await service.open.inject({ method: 'POST', url: '/api/v2/accounts', headers: admin, payload })
  await service.ended(made.json().command)
  return { authorization: `ApiKey ${name}:${made.json().apikey}` }
}

async function post(payload: object, headers: { authorization: string } = alice) {
  return await service.open.inject({ method: 'POST', url: commandUrl, headers: { ...client, ...headers }, payload })
}

async function get(url: string, headers: { authorization: string } = alice, agent: object = client) {
  return await service.open.inject({ url, headers: { ...agent, ...headers } })
}

/** As the client polls: the base and `resource_uri`, until the status is above 1. */
async function run(payload: object): Promise<string> {
  const accepted = await post(payload)
  expect(accepted.statusCode).toBe(201)
  const location = String(accepted.headers.location)
  const { id, resource_uri } = (await get(location)).json()
  expect(resource_uri).toBe(location)
  await service.ended(id)
  const answer = await get(resource_uri)
  expect([answer.statusCode, answer.headers.location]).toEqual([201, location])
  return answer.json().status
}

test('om cloud add, update and remove end in "Ok, done."', async () => {
  const order = { offering: 'runtime', user: 'alice' }
  expect(await run({ ...order, phase: 'install', params: 'size=1,node-type=small,provider=' })).toBe('5')
  expect(service.outside.helm.valuesOf('runtime-worker', 'om-alice')).toMatchObject({ replicas: 1 })
  const gpu = 'provider=,role=gpu,label=gpu,size=2,default-tasks=no,packages=lightgbm==4.6.0;xgboost'
  expect(await run({ ...order, phase: 'install', params: gpu })).toBe('5')
  expect(service.outside.helm.valuesOf('runtime-gpu', 'om-alice')).toMatchObject({
    nodeSelector: { 'omegaml.io/role': 'gpu' },
    defaultTasks: false,
    packages: ['lightgbm==4.6.0', 'xgboost'],
  })
  const scale = { offering: 'worker', user: 'alice', phase: 'update', params: 'provider=exo,node-name=gpu,scale=0' }
  expect(await run(scale)).toBe('5')
  expect(service.outside.helm.valuesOf('runtime-gpu', 'om-alice')).toMatchObject({ replicas: 0 })
  expect(await run({ ...order, phase: 'uninstall', params: 'provider=,label=gpu' })).toBe('5')
  expect((await service.outside.helm.list('om-alice')).map(({ name }) => name)).toEqual(['runtime-worker'])

  const deployments = (await get('/admin/api/v2/service/deployment?user__email=alice@example.org')).json().objects
  expect(deployments.map(({ name, status }: { name: string; status: string }) => `${name} ${status}`)).toEqual([
    'omegaml 5',
    'runtime 5',
    'runtime 8',
  ])
})

test('storage of either kind is added, grown and removed, by its name alone, too', async () => {
  const order = { offering: 'storage', user: 'alice' }
  const claims = async () =>
    (
      await service.outside.kubernetes.list(
        { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
        { namespace: 'om-alice' },
      )
    )
      .map(({ metadata }) => metadata.name)
      .filter((name) => name !== 'home')
  for (const params of ['provider=,name=data,size=2', 'provider=,kind=mongodb,name=docs,size=2'])
    expect(await run({ ...order, phase: 'install', params })).toBe('5')
  expect((await claims()).toSorted()).toEqual(['database-docs', 'storage-data'])
  expect(await run({ ...order, phase: 'update', params: 'provider=,name=data,size=4' })).toBe('5')
  expect(await run({ ...order, phase: 'update', params: 'provider=,name=docs,size=4' })).toBe('5')
  const wrong = await post({ ...order, phase: 'install', params: 'name=x,memory=2' })
  expect([wrong.statusCode, wrong.body]).toEqual([400, expect.stringContaining('together with the other values')])
  expect(await run({ ...order, phase: 'uninstall', params: 'provider=,name=docs' })).toBe('5')
  expect(await run({ ...order, phase: 'uninstall', params: 'provider=,name=data' })).toBe('5')
  expect(await claims()).toEqual([])
})

test('a failed order ends in status 9 with its reason; other programs than the client are answered 200', async () => {
  service.outside.helm.failNextUpgrade(new AppError('invalid', 'chart-invalid', 'no'))
  const accepted = await post({ offering: 'runtime', user: 'alice', phase: 'install', params: '' })
  await service.ended(accepted.json().id)
  const answer = await get(`${commandUrl}/${accepted.json().id}`, alice, { 'user-agent': 'curl/8' })
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject({ status: '9', offering: 'runtime', message: 'workers: no' })
})

test('the subject is found by name, mail address, or the token’s own; others’ only by admins', async () => {
  const order = { offering: 'runtime', phase: 'install', params: 'label=a' }
  for (const user of ['jwt', 'jwt:alice', 'alice@example.org', 'Alice@Example.org', ''])
    expect((await post({ ...order, user })).json()).toMatchObject({ user: 'alice' })
  await signUp('bobby')
  for (const user of ['bobby', 'bobby@example.org', 'jwt:bobby', 'nobody'])
    expect((await post({ ...order, user })).statusCode).toBe(403)
  expect((await get('/admin/api/v2/service/deployment?user__email=bobby@example.org')).statusCode).toBe(403)
  expect((await post({ ...order, user: 'bobby@example.org' }, admin)).json()).toMatchObject({ user: 'bobby' })
  const { id } = (await post({ ...order, user: 'bobby' }, admin)).json()
  expect((await get(`${commandUrl}/${id}/`)).statusCode).toBe(404)
})

const bad: { payload: object; status: number; text: string; why: string }[] = [
  { payload: { offering: 'runtimes' }, status: 404, text: 'there is no plan', why: 'an unknown offering' },
  { payload: { phase: 'destroy' }, status: 400, text: 'uninstall', why: 'an unknown phase' },
  { payload: { phase: 7, offering: '' }, status: 400, text: 'offering must be a word; phase', why: 'no words' },
  { payload: { params: 'label=a,b' }, status: 400, text: "can't hold a comma", why: 'a comma in a value' },
  { payload: { params: 'size=1,size=2' }, status: 400, text: 'is given twice', why: 'a key that is there twice' },
  { payload: { params: 'size=many' }, status: 400, text: 'must be a whole number', why: 'a word for a number' },
  { payload: { params: 'size=1000' }, status: 400, text: 'must be 50 or less', why: 'too large a size' },
  { payload: { params: 'sise=1' }, status: 400, text: 'is not a parameter', why: 'an unknown parameter' },
  { payload: { params: 'size=50' }, status: 409, text: 'pods', why: 'more than the quota' },
  { payload: { params: `label=${'x'.repeat(1_000_000)}` }, status: 413, text: 'larger than 64 KB', why: 'a megabyte' },
]
for (const { payload, status, text, why } of bad) {
  test(`refused: ${why}`, async () => {
    const answer = await post({ offering: 'runtime', user: 'alice', phase: 'install', params: '', ...payload })
    expect(answer.statusCode).toBe(status)
    expect(answer.body.replaceAll('\\"', '"')).toContain(text)
    expect((await get('/api/v2/commands')).json().commands).toHaveLength(2)
  })
}

test('paths work with and without a slash at the end, and with two in a row', async () => {
  const { id } = (await post({ offering: 'runtime', user: 'alice', phase: 'install' })).json()
  for (const url of [`${commandUrl}/${id}`, `${commandUrl}/${id}/`, `/${commandUrl}/${id}`])
    expect((await get(url)).statusCode).toBe(201)
  expect((await get(`${commandUrl}/0x1`)).statusCode).toBe(404)
})
