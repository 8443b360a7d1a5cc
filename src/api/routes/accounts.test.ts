import { afterEach, beforeEach, expect, test } from 'vitest'
import { bootstrapKey, signedInAs, startHouse, type TestHouse } from '../testing.ts'

let house: TestHouse
let admin: { authorization: string }

beforeEach(async () => {
  house = await startHouse()
  const { admin: made } = (await bootstrap()).json()
  admin = signedInAs('admin', made.apikey)
})
afterEach(async () => await house.close())

const bootstrap = async (payload: object = {}, key = bootstrapKey) =>
  await house.open.inject({
    method: 'POST',
    url: '/api/v2/bootstrap',
    headers: { authorization: `Bootstrap ${key}` },
    payload,
  })

const create = async (payload: object, headers: Record<string, string> = admin) =>
  await house.open.inject({ method: 'POST', url: '/api/v2/accounts', headers, payload })

const alice = { name: 'alice', email: 'alice@example.org' }

test('bootstrap again answers with the same keys and orders nothing twice', async () => {
  const first = (await bootstrap()).json()
  expect((await bootstrap()).json()).toEqual(first)
  expect(Object.keys(first)).toEqual(['admin', 'omworker', 'jyadmin'])
  expect(await house.db.selectFrom('commands').select('plan').execute()).toEqual([{ plan: 'shared-runtime' }])
})

test('a key given by the installation is taken', async () => {
  const apikey = 'A'.repeat(40)
  expect((await bootstrap({ jyadmin: { apikey } })).json().jyadmin.apikey).toBe(apikey)
  const answer = await house.inside.inject({
    url: '/api/v1/config/?user=nobody',
    headers: signedInAs('jyadmin', apikey),
  })
  expect(answer.statusCode).toBe(404)
})

test('the bootstrap key ends for good when revoked', async () => {
  expect((await bootstrap({}, 'wrong')).statusCode).toBe(401)
  const revoke = () =>
    house.open.inject({
      method: 'DELETE',
      url: '/api/v2/bootstrap',
      headers: { authorization: `Bootstrap ${bootstrapKey}` },
    })
  expect((await revoke()).statusCode).toBe(204)
  expect((await bootstrap()).json()).toMatchObject({ kind: 'forbidden', code: 'bootstrap-revoked' })
  expect((await revoke()).statusCode).toBe(403)
})

const wrong: { body: object; field: string; code: string; why: string }[] = [
  { body: { ...alice, name: 'Al' }, field: 'name', code: 'account-name-invalid', why: 'a malformed name' },
  { body: { ...alice, name: 'root' }, field: 'name', code: 'account-name-reserved', why: 'a name of the site' },
  { body: { ...alice, email: 'alice' }, field: 'email', code: 'email-invalid', why: 'a malformed address' },
  { body: { ...alice, password: 'short' }, field: 'password', code: 'password-invalid', why: 'a short password' },
  {
    body: { ...alice, rights: ['config:impersonate'] },
    field: 'rights',
    code: 'rights-not-of-role',
    why: 'a machine’s right for a person',
  },
]
for (const { body, field, code, why } of wrong) {
  test(`400 with field and what is right: ${why}`, async () => {
    const answer = await create(body)
    expect(answer.statusCode).toBe(400)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json()).toMatchObject({ status: 400, kind: 'invalid', code })
    expect(answer.json().errors).toMatchObject([{ field, problem: expect.stringMatching(/^right is /) }])
    expect(answer.body).not.toContain('short')
  })
}

const malformed: { payload: object | string; why: string }[] = [
  { payload: {}, why: 'nothing' },
  { payload: { ...alice, colour: 'red' }, why: 'a field that there is not' },
  { payload: { ...alice, role: 'king' }, why: 'a role that there is not' },
  { payload: '{"name":', why: 'half a JSON' },
]
for (const { payload, why } of malformed) {
  test(`400 for a body of ${why}`, async () => {
    const headers = { ...admin, 'content-type': 'application/json' }
    const answer = await house.open.inject({ method: 'POST', url: '/api/v2/accounts', headers, payload })
    expect(answer.statusCode).toBe(400)
    expect(answer.json().kind).toBe('invalid')
  })
}

test('an endless body is refused', async () => {
  expect((await create({ ...alice, password: 'x'.repeat(70_000) })).statusCode).toBe(413)
})

test('name and address belong to one account', async () => {
  expect((await create(alice)).statusCode).toBe(201)
  expect((await create(alice)).json()).toMatchObject({ kind: 'conflict', code: 'account-exists' })
  const sameMail = await create({ name: 'other', email: 'ALICE@example.org' })
  expect(sameMail.json()).toMatchObject({ kind: 'conflict', code: 'email-taken' })
})

test('the same idempotency key gives the same account; another wish is refused', async () => {
  const headers = { ...admin, 'idempotency-key': 'one' }
  const first = await create(alice, headers)
  expect((await create(alice, headers)).json()).toEqual(first.json())
  expect((await create({ name: 'other', email: 'o@example.org' }, headers)).statusCode).toBe(409)
  expect(await house.db.selectFrom('commands').select('id').where('plan', '=', 'signup').execute()).toHaveLength(1)
})

test('users create, list and order nothing of others', async () => {
  const made = (await create(alice)).json()
  const own = signedInAs('alice', made.apikey)
  expect((await create({ name: 'other', email: 'o@example.org' }, own)).statusCode).toBe(403)
  for (const url of ['/api/v2/accounts', '/api/v2/accounts/admin', '/api/v2/accounts/admin/credentials']) {
    expect((await house.open.inject({ url, headers: own })).statusCode).toBe(403)
  }
  const post = async (url: string) => (await house.open.inject({ method: 'POST', url, headers: own })).statusCode
  expect(await post('/api/v2/deployments/ensure')).toBe(403)
  for (const word of ['retry', 'undo', 'cancel']) expect(await post(`/api/v2/commands/1/${word}`)).toBe(404)
})

test('without credentials nothing is told', async () => {
  for (const url of ['/api/v2/accounts', '/api/v2/accounts/alice', '/api/v2/commands', '/api/v2/commands/1']) {
    expect((await house.open.inject(url)).statusCode).toBe(401)
  }
})

test('accounts are listed by name, page by page', async () => {
  for (const name of ['carol', 'bobby']) await create({ name, email: `${name}@example.org` })
  const page = async (query: string) =>
    (await house.open.inject({ url: `/api/v2/accounts?${query}`, headers: admin })).json()
  const first = await page('limit=3')
  expect(first.accounts.map((account: { userid: string }) => account.userid)).toEqual(['admin', 'bobby', 'carol'])
  expect(
    (await page(`limit=3&after=${first.next}`)).accounts.map((account: { userid: string }) => account.userid),
  ).toEqual(['jyadmin', 'omworker'])
})

test('credentials are for their owner alone', async () => {
  const { apikey } = (await create(alice)).json()
  const answer = await house.open.inject({
    url: '/api/v2/accounts/alice/credentials',
    headers: signedInAs('alice', apikey),
  })
  expect(answer.json()).toEqual({
    userid: 'alice',
    apikey,
    apiUrl: 'http://hub.omega.localhost:8080',
    notebookUrl: 'http://notebook.omega.localhost:8080/user/alice/tree',
  })
  expect(answer.headers['cache-control']).toBe('no-store')

  const told = async (name: string, headers = admin) => {
    const { statusCode, body } = await house.open.inject({ url: `/api/v2/accounts/${name}/credentials`, headers })
    expect(body).not.toContain(apikey)
    return [statusCode, JSON.parse(body).code]
  }
  expect(await told('alice')).toEqual([403, 'credentials-of-another'])
  const { apikey: boss } = (await create({ name: 'boss', email: 'boss@example.org', role: 'admin' })).json()
  expect(await told('admin', signedInAs('boss', boss))).toEqual([403, 'credentials-of-another'])
  for (const name of ['jyadmin', 'nobody']) expect(await told(name)).toEqual([403, 'credentials-of-another'])
})

test('who rotates for somebody else ends the old key and is not told the new one', async () => {
  const { apikey } = (await create(alice)).json()
  const url = '/api/v2/accounts/alice/credentials'
  const answer = await house.open.inject({ method: 'POST', url: `${url}/rotate`, headers: admin })
  expect([answer.statusCode, Object.keys(answer.json())]).toEqual([200, ['userid', 'apiUrl', 'notebookUrl', 'command']])
  expect((await house.open.inject({ url, headers: signedInAs('alice', apikey) })).statusCode).toBe(401)
})

test('a creation that is repeated tells its key for a while, and never one that came later', async () => {
  const headers = { ...admin, 'idempotency-key': 'one' }
  const again = async () => {
    const answer = await house.open.inject({ method: 'POST', url: '/api/v2/accounts', headers, payload: alice })
    expect(answer.statusCode).toBe(201)
    return answer.json().apikey as string | undefined
  }
  const apikey = await again()
  expect(apikey).toMatch(/^\w{40}$/)
  expect(await again()).toBe(apikey)
  house.time.now += 1
  const own = { method: 'POST', url: '/api/v2/accounts/alice/credentials/rotate' } as const
  await house.open.inject({ ...own, headers: signedInAs('alice', apikey ?? '') })
  expect(await again()).toBeUndefined()

  const bobby = { name: 'bobby', email: 'bobby@example.org' }
  const made = { method: 'POST', url: '/api/v2/accounts', payload: bobby } as const
  const other = { ...admin, 'idempotency-key': 'two' }
  await house.open.inject({ ...made, headers: other })
  house.time.now += 600_001
  expect((await house.open.inject({ ...made, headers: other })).json().apikey).toBeUndefined()
})

test('the site’s own accounts stay, and an admin does not remove itself', async () => {
  const remove = async (name: string, headers = admin) =>
    (await house.open.inject({ method: 'DELETE', url: `/api/v2/accounts/${name}`, headers })).json()
  for (const name of ['admin', 'omworker', 'jyadmin']) expect((await remove(name)).code).toBe('account-needed')
  const { apikey } = (await create({ name: 'boss', email: 'boss@example.org', role: 'admin' })).json()
  expect((await remove('boss', signedInAs('boss', apikey))).code).toBe('own-account')
  expect(await remove('boss')).toMatchObject({ userid: 'boss', status: 'removed' })
  expect((await house.open.inject({ url: '/api/v2/accounts/boss', headers: admin })).statusCode).toBe(404)
})

test('changes are written down without secrets', async () => {
  await create({ ...alice, password: 'a password of hers' })
  const rows = await house.db.selectFrom('audit_log').select(['actor', 'action', 'subject']).orderBy('id').execute()
  expect(rows).toContainEqual({ actor: 'admin', action: 'account.create', subject: 'alice' })
  expect(JSON.stringify(await house.db.selectFrom('audit_log').selectAll().execute())).not.toContain('of hers')
})

test('the API describes itself, and the front page says what this is', async () => {
  const description = (await house.open.inject('/api/v2/openapi.json')).json()
  expect(Object.keys(description.paths)).toContain('/api/v2/accounts/{name}/credentials')
  expect(Object.keys(description.paths).filter((path) => path.startsWith('/api/v1'))).toEqual([])
  const page = await house.open.inject('/')
  expect(page.headers['content-type']).toMatch(/^text\/html/)
  expect(page.headers['content-security-policy']).toMatch(/default-src 'none'/)
})

test('every bad field is told at once', async () => {
  const fieldsOf = (answer: { json: () => { errors: { field: string }[] } }) =>
    answer.json().errors.map(({ field }) => field)
  const rules = await create({ name: 'A', email: 'b', password: 'short' })
  expect(fieldsOf(rules)).toEqual(['name', 'email', 'password'])
  expect(rules.json().errors[0]).toEqual({ field: 'name', value: 'A', problem: expect.any(String) })
  const shape = await create({ email: 5, role: 'king', password: 7, colour: 'red' })
  expect(fieldsOf(shape)).toEqual(['name', 'email', 'password', 'role', 'colour'])
  expect(shape.json().errors[1].value).toBe(5)
  expect(shape.json().errors[2]).not.toHaveProperty('value')
})

test('errors of the API are problem details, those of other paths keep the client’s shape', async () => {
  const ours = await house.open.inject({ url: '/api/v2/commands/999', headers: admin })
  expect(ours.json()).toEqual({
    type: 'urn:cloudmgr:problem:command-unknown',
    title: 'Not found',
    status: 404,
    detail: 'there is no command 999',
    code: 'command-unknown',
    kind: 'not-found',
    details: { id: 999 },
    requestId: expect.any(String),
  })
  expect((await house.open.inject('/nowhere?apikey=secret')).json().error).toEqual({
    kind: 'not-found',
    code: 'route-unknown',
    message: 'there is no GET /nowhere',
    requestId: expect.any(String),
  })
  expect((await house.open.inject({ url: '/api/v2/commands/x', headers: admin })).statusCode).toBe(400)
})
