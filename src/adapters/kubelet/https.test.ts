import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createAuthority, issueCertificate } from '../../base/certificate.ts'
import { kubeletContract } from './contract-suite.ts'
import { createKubelets } from './https.ts'
import type { Disk, KubeletAddress } from './port.ts'

/** What a kubelet of Kubernetes 1.37 answers, as far as it is read. */
const summary = (fs?: Disk) => JSON.stringify({ node: { nodeName: 'n1', fs }, pods: [] })

type Answer = { status: number; body: string; endless?: boolean } | 'silent'
let server: Server
let ca: string
let foreignCa: string
let kubelet: KubeletAddress
let answer: Answer
let asked: { url: string | undefined; token: string | undefined }[] = []

const kubelets = () => createKubelets({ token: async () => 'a-token', ca: () => ca, timeoutMs: 500 })

beforeAll(async () => {
  const validity = { from: new Date(), days: 2 }
  const authority = await createAuthority('cluster', validity)
  ca = authority.cert
  foreignCa = (await createAuthority('somebody else', validity)).cert
  const identity = { commonName: 'system:node:n1', organization: 'system:nodes', names: ['127.0.0.1'] }
  server = createServer(await issueCertificate(authority, identity, validity), (request, response) => {
    asked.push({ url: request.url, token: request.headers.authorization })
    if (answer === 'silent') return
    response.statusCode = answer.status
    if (answer.endless !== true) return void response.end(answer.body)
    const more = () => {
      while (response.write(answer === 'silent' ? '' : answer.body));
    }
    response.on('drain', more)
    more()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  kubelet = { address: '127.0.0.1', port: (server.address() as AddressInfo).port }
})
afterEach(() => {
  asked = []
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

kubeletContract(() => ({
  kubelets: kubelets(),
  kubelet,
  nowhere: { address: '127.0.0.1', port: 1 },
  says: (said) => {
    if (said === 'refused')
      answer = { status: 403, body: 'Forbidden (user=x, verb=get, resource=nodes, subresource=stats)' }
    else answer = { status: 200, body: said === 'nothing' ? summary() : summary(said) }
  },
}))

test('it is asked by GET for its figures, with the token', async () => {
  answer = { status: 200, body: summary() }
  await kubelets().disk(kubelet)
  expect(asked).toEqual([{ url: '/stats/summary', token: 'Bearer a-token' }])
})

test('who is not vouched for by the cluster never sees the token', async () => {
  const wary = createKubelets({ token: async () => 'a-token', ca: () => foreignCa })
  await expect(wary.disk(kubelet)).rejects.toMatchObject({ code: 'kubelet-unreachable' })
  const elsewhere = { ...kubelet, address: 'localhost' }
  await expect(kubelets().disk(elsewhere)).rejects.toMatchObject({ code: 'kubelet-unreachable' })
  expect(asked).toEqual([])
})

const odd: { answer: Answer; why: string }[] = [
  { answer: 'silent', why: 'a kubelet that hangs is given up' },
  { answer: { status: 500, body: '' }, why: 'a kubelet in trouble is unavailable' },
  { answer: { status: 200, body: ' '.repeat(1e6), endless: true }, why: 'an answer without an end is cut off' },
]
for (const { answer: given, why } of odd) {
  test(why, async () => {
    answer = given
    const patient = createKubelets({
      token: async () => 'a-token',
      ca: () => ca,
      timeoutMs: given === 'silent' ? 200 : 20_000,
    })
    await expect(patient.disk(kubelet)).rejects.toMatchObject({ kind: 'unavailable', code: 'kubelet-unreachable' })
  })
}

test('what is no JSON says nothing about a disk', async () => {
  answer = { status: 200, body: '<html>' }
  expect(await kubelets().disk(kubelet)).toBeUndefined()
})
