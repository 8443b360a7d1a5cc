import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHcloud } from './http.ts'

let server: Server
let endpoint = ''
let asked: string[] = []
let status = 200

/** As docs.hetzner.cloud has it: a list is under its kind, a page names the next. */
beforeEach(async () => {
  asked = []
  status = 200
  server = createServer((request, answer) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    answer.statusCode = status
    const second = request.url?.includes('page=2') === true
    const meta = { pagination: { page: second ? 2 : 1, next_page: second ? null : 2 } }
    if (request.url?.startsWith('/servers?') === true)
      return answer.end(JSON.stringify({ servers: [{ id: second ? 2 : 1, name: `s-${second ? 2 : 1}` }], meta }))
    const [, kind = ''] = /^\/(\w+)/.exec(request.url ?? '') ?? []
    return answer.end(JSON.stringify({ [kind]: [], meta: { pagination: { next_page: null } } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => void server.close())

test('what has the labels is listed page by page, and deleted by its id', async () => {
  const hcloud = createHcloud(endpoint)
  const found = await hcloud.find('t', 'cluster=a,ordered')
  expect(found.map(({ name }) => name)).toEqual(['s-1', 's-2'])
  expect(new Set(asked.map((line) => /\/(\w+)/.exec(line)?.[1]))).toEqual(
    new Set(['servers', 'placement_groups', 'primary_ips', 'firewalls', 'volumes']),
  )
  expect(asked[0]).toBe('GET /servers?label_selector=cluster%3Da%2Cordered&page=1&per_page=50 Bearer t')
  await hcloud.delete('t', { kind: 'placement group', id: 7, name: 'p' })
  expect(asked.at(-1)).toBe('DELETE /placement_groups/7 Bearer t')
})

const answers = [
  { status: 401, error: { kind: 'unauthenticated', code: 'hcloud-token' } },
  { status: 503, error: { kind: 'unavailable', code: 'hcloud-refused' } },
]
for (const { status: given, error } of answers)
  test(`${given} is ${error.code}`, async () => {
    status = given
    await expect(createHcloud(endpoint).find('geheim', 'a')).rejects.toMatchObject(error)
    await expect(createHcloud(endpoint).find('geheim', 'a')).rejects.not.toThrow(/geheim/)
  })

test('one that is gone is deleted, and an API that is away is told', async () => {
  status = 404
  await createHcloud(endpoint).delete('t', { kind: 'server', id: 1, name: 's' })
  const away = createHcloud('http://127.0.0.1:9')
  await expect(away.find('t', 'a')).rejects.toMatchObject({ kind: 'unavailable', code: 'hcloud-unreachable' })
})
