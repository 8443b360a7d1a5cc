import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createCloudDisks } from './http.ts'
import type { CloudDisks } from './port.ts'

let status = 204
let asked: string[] = []
const server = createServer(({ method, url, headers }, answer) => {
  asked.push(`${method} ${url} ${headers.authorization}`)
  answer.writeHead(status).end()
})
let disks: CloudDisks

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  disks = createCloudDisks({ hetzner: `${url}/h`, digitalocean: `${url}/d`, linode: `${url}/l` })
})
afterAll(() => void server.close())
beforeEach(() => {
  status = 204
  asked = []
})

test('each cloud is asked for its own id', async () => {
  await disks.delete('hetzner', 't', '4711')
  await disks.delete('digitalocean', 't', 'a0-b1')
  await disks.delete('linode', 't', '4711-pvc0a1b')
  expect(asked).toEqual(['DELETE /h/4711 Bearer t', 'DELETE /d/a0-b1 Bearer t', 'DELETE /l/4711 Bearer t'])
})

const answers = [
  { given: 401, error: { kind: 'conflict', code: 'disk-refused' }, why: 'a token that is not taken' },
  { given: 422, error: { kind: 'conflict', code: 'disk-refused' }, why: 'a disk that the cloud does not delete' },
  { given: 423, error: { kind: 'unavailable', code: 'disk-busy' }, why: 'a disk that leaves its machine' },
  { given: 503, error: { kind: 'unavailable', code: 'disk-busy' }, why: 'a cloud in trouble' },
]
for (const { given, error, why } of answers)
  test(`${why} is ${error.code}, and the token is not told`, async () => {
    status = given
    const found: unknown = await disks.delete('hetzner', 'geheim', '1').catch((caught: unknown) => caught)
    expect(found).toMatchObject(error)
    expect(String((found as Error).message)).not.toContain('geheim')
  })

test('a disk that is gone is deleted, and an API that is away is told', async () => {
  status = 404
  await disks.delete('hetzner', 't', '1')
  const away = 'http://127.0.0.1:9'
  const nobody = createCloudDisks({ hetzner: away, digitalocean: away, linode: away })
  await expect(nobody.delete('hetzner', 't', '1')).rejects.toMatchObject({ code: 'cloud-unreachable' })
})
