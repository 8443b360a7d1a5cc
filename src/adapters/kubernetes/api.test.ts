import { once } from 'node:events'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { answerHttp, type HttpAnswers } from '../../../test/support/http-answers.ts'
import { createAuthority, issueCertificate } from '../../base/certificate.ts'
import { createKubernetes } from './api.ts'

let server: HttpAnswers | undefined
afterEach(() => {
  server?.stop()
  server = undefined
})

function kubernetes(url = server?.url, tls: object = { 'insecure-skip-tls-verify': true }) {
  const name = 'test'
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: url, ...tls } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  }
  return createKubernetes({ kubeconfig: JSON.stringify(config) })
}

const pods = { resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] }
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'new', namespace: 'default' } }

test('a pod that its kubelet does not know yet has said nothing', async () => {
  server = await answerHttp((asked) => {
    if (asked === 'GET /api/v1') return { status: 200, body: pods }
    return asked.endsWith('/log') ? { status: 404 } : { status: 200, body: pod }
  })
  expect(await kubernetes().podLogs({ namespace: 'default', name: 'new' })).toBe('')
})

test('a workload that is looked at alone has its pods not asked, and otherwise says what they do', async () => {
  const kinds = { resources: [{ name: 'deployments', kind: 'Deployment', namespaced: true }] }
  const selector = { matchLabels: { app: 'web' } }
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { selector } }
  const waiting = { reason: 'ImagePullBackOff', message: 'no such image' }
  const stuck = { ...pod, status: { containerStatuses: [{ name: 'web', state: { waiting } }] } }
  let lists = 0
  server = await answerHttp((asked) => {
    if (asked === 'GET /api/v1') return { status: 200, body: pods }
    if (asked === 'GET /apis/apps/v1') return { status: 200, body: kinds }
    if (asked.endsWith('/deployments/web')) return { status: 200, body: deployment }
    lists += 1
    return { status: 200, body: { items: [stuck] } }
  })
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'default' }
  const alone = await kubernetes().readiness(ref, { alone: true })
  expect([alone, lists]).toMatchObject([{ state: 'waiting', reason: '0 of 1 pods up to date' }, 0])
  const asked = await kubernetes().readiness(ref)
  expect(asked).toMatchObject({ broken: true, reason: expect.stringContaining('no such image') as string })
})

const day = 86_400_000
const troubles: { why: string; days: number; name: string; known: boolean; says: string }[] = [
  { why: 'has run out', days: -10, name: 'localhost', known: true, says: 'has run out; who runs the cluster' },
  { why: 'is of the future', days: 10, name: 'localhost', known: true, says: 'not valid yet; look at the clocks' },
  {
    why: 'is for another name',
    days: 0,
    name: 'other.test',
    known: true,
    says: 'for another name than the kubeconfig',
  },
  { why: 'is of another authority', days: 0, name: 'localhost', known: false, says: 'made anew has a new one' },
]
for (const { why, days, name, known, says } of troubles) {
  test(`an API server whose certificate ${why} is told so`, async () => {
    const authority = async () => await createAuthority('test', { from: new Date(Date.now() - 20 * day), days: 40 })
    const [ours, theirs] = [await authority(), await authority()]
    const validity = { from: new Date(Date.now() + days * day), days: 5 }
    const credential = await issueCertificate(ours, { commonName: name, names: [name] }, validity)
    const https = createServer(credential, (_request, response) => response.end('{}')).listen(0, '127.0.0.1')
    await once(https, 'listening')
    const ca = Buffer.from((known ? ours : theirs).cert).toString('base64')
    const url = `https://localhost:${(https.address() as AddressInfo).port}`
    const asked = kubernetes(url, { 'certificate-authority-data': ca }).version()
    await expect(asked).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'kubernetes-untrusted',
      message: expect.stringContaining(says),
    })
    https.close()
  })
}

test('requests share a connection; one that the server ended meanwhile is replaced', async () => {
  const connections: Socket[] = []
  const plain = createPlainServer((_request, response) => response.end('{"gitVersion":"v1.0.0"}'))
  plain.on('connection', (socket) => connections.push(socket)).listen(0, '127.0.0.1')
  await once(plain, 'listening')
  const asking = kubernetes(`http://127.0.0.1:${(plain.address() as AddressInfo).port}`)
  expect(await asking.version()).toBe('v1.0.0')
  expect(await asking.version()).toBe('v1.0.0')
  expect(connections).toHaveLength(1)
  // As a server that was started anew: the next request goes out before the end of the old connection is noticed.
  connections[0]?.resetAndDestroy()
  expect(await asking.version()).toBe('v1.0.0')
  expect(connections).toHaveLength(2)
  plain.close()
  plain.closeAllConnections()
})

test('credentials that the API server does not take any more are told as such', async () => {
  server = await answerHttp(() => ({ status: 401, body: { message: 'Unauthorized' } }))
  await expect(kubernetes().version()).rejects.toMatchObject({
    kind: 'forbidden',
    message: expect.stringMatching(/certificate or token has run out or was withdrawn/),
  })
})
