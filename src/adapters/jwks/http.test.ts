import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { jwksContract } from './contract-suite.ts'
import { createJwks } from './http.ts'

let answer = { status: 404, body: '' }
const server = createServer((_request, response) => {
  response.writeHead(answer.status, { location: '/elsewhere' }).end(answer.body)
})
const uri = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => void server.close())

jwksContract(() => ({
  jwks: createJwks(),
  uri: uri(),
  serve: async (keys) => {
    answer = keys === undefined ? { status: 404, body: '' } : { status: 200, body: JSON.stringify(keys) }
  },
}))

const wrong = [
  { status: 302, body: '{"keys":[]}', why: 'a redirect is not followed' },
  { status: 200, body: '<html>', why: 'a page is no key set' },
  { status: 200, body: '{"keys":1}', why: 'nor is any JSON' },
  { status: 200, body: `{"keys":[],"x":"${'x'.repeat(300_000)}"}`, why: 'nor an endless answer' },
]
for (const { why, ...sent } of wrong) {
  test(why, async () => {
    answer = sent
    await expect(createJwks().fetch(uri())).rejects.toMatchObject({ code: 'jwks-unreachable' })
  })
}
