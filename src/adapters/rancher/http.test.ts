import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRancher } from './http.ts'

const asked: string[] = []
const byAcme = { 'omegaml.io/ordered-by': 'acme' }
const named = (...names: string[]) =>
  names.map((name) => ({ metadata: { name, labels: name === 'acme' ? null : byAcme } }))
const server = createServer(({ url, method, headers }, answer) => {
  if (method !== 'GET') {
    asked.push(`${method} ${url}`)
    if (headers.authorization === 'Bearer token')
      return void answer.writeHead(url?.endsWith('/gone') ? 404 : 200).end('{}')
  }
  const isIn = headers.authorization === 'Bearer token-abcde:right'
  const answers: Record<string, [number, string]> = {
    '/ping': [200, 'pong'],
    '/new/ping': [503, 'no healthy upstream'],
    '/v3/users?me=true': [isIn ? 200 : 401, '{}'],
    '/v3/clusters': [
      isIn ? 200 : 401,
      JSON.stringify({
        data: [
          { id: 'local', name: 'local' },
          { id: 'c-m-abcdefgh', name: 'acme' },
        ],
      }),
    ],
    '/v1/provisioning.cattle.io.clusters/fleet-default/acme': [
      isIn ? 200 : 401,
      JSON.stringify({ spec: { rkeConfig: { machinePools: [{ name: 'node', quantity: 3 }] } } }),
    ],
    '/v1/provisioning.cattle.io.clusters/fleet-default': [200, JSON.stringify({ data: named('acme', 'acme-second') })],
    '/v3/cloudcredentials': [
      200,
      JSON.stringify({ data: [{ id: 'cattle-global-data:cc-1', labels: byAcme }, { id: 'cattle-global-data:cc-2' }] }),
    ],
    '/v1/rke-machine-config.cattle.io.linodeconfigs/fleet-default': [200, JSON.stringify({ data: named('nc-1') })],
    '/v1/management.cattle.io.clusterproxyconfigs/c-m-on': [200, '{"data":[{"enabled":true}]}'],
    '/v1/management.cattle.io.clusterproxyconfigs/c-m-off': [200, '{"data":[{}]}'],
    '/v1/management.cattle.io.clusterproxyconfigs/c-m-new': [200, '{"data":[]}'],
    '/v1/cluster.x-k8s.io.machines/fleet-default': [
      isIn ? 200 : 401,
      JSON.stringify({
        data: [
          { metadata: { name: 'custom-1' }, spec: { clusterName: 'acme' }, status: { nodeRef: { name: 'acme-a-1' } } },
          { metadata: { name: 'custom-2' }, spec: { clusterName: 'acme' } },
          { metadata: { name: 'custom-3' }, spec: { clusterName: 'other' } },
        ],
      }),
    ],
    '/v1/cluster.x-k8s.io.machines/fleet-default/custom-1': [isIn ? 200 : 401, '{}'],
    '/v3/import/SECRET_c-m-abcdefgh.yaml': [200, 'kind: Namespace\n'],
  }
  const [status, text] = answers[url ?? ''] ?? [404, '']
  answer.writeHead(status).end(text)
})
const rancher = createRancher()
const { signal } = new AbortController()
let url: string

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

test('it is there when it answers, and says why it is not', async () => {
  expect(await rancher.missing(url, signal)).toBeUndefined()
  expect(await rancher.missing(`${url}/new`, signal)).toBe(`${url}/new/ping answers 503`)
  expect(await rancher.missing('http://127.0.0.1:1', signal)).toMatch(/does not answer \(\w+\)/)
})

test('a token that is taken, and one that is not', async () => {
  expect(await rancher.accepts(url, 'token-abcde:right')).toBe(true)
  expect(await rancher.accepts(url, 'token-abcde:revoked')).toBe(false)
  expect(await rancher.clusters(url, 'token-abcde:right')).toEqual([{ id: 'c-m-abcdefgh', name: 'acme' }])
  expect(await rancher.poolSizes(url, 'token-abcde:right', 'acme')).toEqual({ node: 3 })
  expect(await rancher.poolSizes(url, 'token-abcde:right', 'other')).toEqual({})
  await expect(rancher.poolSizes(url, 'other', 'acme')).rejects.toMatchObject({ code: 'rancher-token' })
  await expect(rancher.clusters(url, 'other')).rejects.toMatchObject({ code: 'rancher-token' })
  await expect(rancher.accepts('http://127.0.0.1:1', 'x')).rejects.toMatchObject({ kind: 'unavailable' })
})

test('machines of a cluster are found by their nodes, and forgotten', async () => {
  const token = 'token-abcde:right'
  expect(await rancher.machines(url, token, 'acme')).toEqual([
    { name: 'custom-1', node: 'acme-a-1' },
    { name: 'custom-2', node: undefined },
  ])
  await rancher.deleteMachine(url, token, 'custom-1')
  expect(asked.at(-1)).toBe('DELETE /v1/cluster.x-k8s.io.machines/fleet-default/custom-1')
  await rancher.deleteMachine(url, token, 'gone')
  await expect(rancher.machines(url, 'other', 'acme')).rejects.toMatchObject({ code: 'rancher-token' })
  await expect(rancher.deleteMachine(url, 'other', 'custom-1')).rejects.toMatchObject({ code: 'rancher-token' })
})

test('the agent’s manifest is fetched, and its address never told', async () => {
  expect(await rancher.manifest(`${url}/v3/import/SECRET_c-m-abcdefgh.yaml`)).toContain('Namespace')
  const refused = await rancher.manifest(`${url}/v3/import/SECRET_gone.yaml`).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'rancher-refused' })
  expect(String((refused as Error).message)).not.toContain('SECRET')
})

test('service accounts of a cluster are let through its proxy, unless somebody turned that off', async () => {
  asked.length = 0
  await rancher.takeServiceTokens(url, 'token', 'c-m-on')
  expect(asked).toEqual([])
  await rancher.takeServiceTokens(url, 'token', 'c-m-new')
  expect(asked).toEqual(['POST /v1/management.cattle.io.clusterproxyconfigs'])
  const off = rancher.takeServiceTokens(url, 'token', 'c-m-off')
  await expect(off).rejects.toMatchObject({ kind: 'conflict', code: 'rancher-proxy' })
})

test('what a site ordered is found by its label and goes, and nothing else', async () => {
  asked.length = 0
  expect(await rancher.orderedClusters(url, 'token', 'acme')).toEqual(['acme-second'])
  expect(await rancher.orderedClusters(url, 'token', 'other')).toEqual([])
  await rancher.deleteCluster(url, 'token', 'gone')
  await rancher.deleteOrderedParts(url, 'token', 'acme')
  expect(asked).toEqual([
    'DELETE /v1/provisioning.cattle.io.clusters/fleet-default/gone',
    'DELETE /v3/cloudcredentials/cattle-global-data:cc-1',
    'DELETE /v1/rke-machine-config.cattle.io.linodeconfigs/fleet-default/nc-1',
  ])
})
