import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createServiceApi, errorOf } from './service-http.ts'
import { siteAddress } from './service-address.ts'
import type { Site } from './site.ts'

let server: Server
let site: Site
let seen: {
  method?: string | undefined
  url?: string | undefined
  host?: string | undefined
  authorization?: string | undefined
}[]
let answers: { status: number; body: string }[]

beforeEach(async () => {
  seen = []
  answers = []
  server = createServer((request: IncomingMessage, response) => {
    const { host, authorization } = request.headers
    seen.push({ method: request.method, url: request.url, host, authorization })
    const { status, body } = answers.shift() ?? { status: 200, body: '{}' }
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const ports = { http: port, https: 8443, mongo: 27018, broker: 5671 }
  site = { name: 'omega', profile: 'single-node', domain: 'omega.localhost', ports }
})
afterEach(() => server.close())

const admin = { kind: 'apikey', userid: 'admin', apikey: 'k' } as const

test('the public name is asked for on the loopback, with the key in a header', async () => {
  await createServiceApi(siteAddress(site), admin).findAccount('alice')
  expect(seen).toEqual([
    {
      method: 'GET',
      url: '/api/v2/accounts/alice',
      host: `hub.omega.localhost:${site.ports.http}`,
      authorization: 'ApiKey admin:k',
    },
  ])
})

test('an account that is not there is undefined, a missing route is not', async () => {
  answers = [{ status: 404, body: '{"kind":"not-found","code":"account-unknown","detail":"no"}' }]
  expect(await createServiceApi(siteAddress(site), admin).findAccount('alice')).toBeUndefined()
  answers = [{ status: 404, body: 'nginx' }]
  await expect(createServiceApi(siteAddress(site), admin).findAccount('alice')).rejects.toMatchObject({
    kind: 'unavailable',
  })
})

test('all pages of accounts are read', async () => {
  answers = [
    { status: 200, body: '{"accounts":[{"userid":"a"}],"next":"a"}' },
    { status: 200, body: '{"accounts":[{"userid":"b"}]}' },
  ]
  expect((await createServiceApi(siteAddress(site), admin).listAccounts()).map((account) => account.userid)).toEqual([
    'a',
    'b',
  ])
  expect(seen.map(({ url }) => url)).toEqual(['/api/v2/accounts?limit=1000', '/api/v2/accounts?limit=1000&after=a'])
})

test('nobody listening is not healthy, and unavailable for everything else', async () => {
  server.close()
  const api = createServiceApi(siteAddress({ ...site, ports: { ...site.ports, http: 1 } }), admin)
  expect(await api.healthy()).toBe(false)
  await expect(api.findAccount('alice')).rejects.toMatchObject({ kind: 'unavailable', code: 'no-answer' })
})

const errors = [
  {
    status: 409,
    body: { kind: 'conflict', code: 'account-exists', detail: 'taken' },
    kind: 'conflict',
    why: "the service's own error keeps its kind",
  },
  { status: 502, body: '<html>', kind: 'unavailable', why: 'the ingress before the service answers may help later' },
  { status: 418, body: 'tea', kind: 'bug', why: 'what nobody foresaw is a bug' },
]

for (const { status, body, kind, why } of errors) {
  test(why, () => expect(errorOf({ status, body }, 'GET /')).toMatchObject({ kind }))
}

test('the key of an account is asked for as that account, by its password', async () => {
  const login = { userid: 'demo', password: 'word' }
  answers = [
    { status: 200, body: '{"token":"a.b.c"}' },
    { status: 200, body: '{"apikey":"of demo"}' },
  ]
  expect(await createServiceApi(siteAddress(site), admin).ownApikey(login)).toBe('of demo')
  expect(seen.at(-1)).toMatchObject({ url: '/api/v2/accounts/demo/credentials', authorization: 'Bearer a.b.c' })
  answers = [{ status: 400, body: '{"errors":[{"code":"credentials-wrong"}]}' }]
  expect(await createServiceApi(siteAddress(site), admin).ownApikey(login)).toBeUndefined()
})
