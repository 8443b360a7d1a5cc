import { once } from 'node:events'
import { createServer as createPlainServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { type Credential, createAuthority, issueCertificate } from '../base/certificate.ts'
import { sendJson } from './http.ts'

const day = 86_400_000
const from = (days: number) => ({ from: new Date(Date.now() + days * day), days: 5 })
let authority: Credential
let server: Server | ReturnType<typeof createPlainServer> | undefined

beforeAll(async () => {
  authority = await createAuthority('the test', { from: new Date(Date.now() - 20 * day), days: 40 })
})
afterEach(() => {
  server?.close()
  server = undefined
})

async function listen(made: NonNullable<typeof server>): Promise<number> {
  server = made
  made.listen(0, '127.0.0.1')
  await once(made, 'listening')
  return (made.address() as AddressInfo).port
}

const answers = (_request: unknown, response: { end(text: string): void }) => response.end('{}')
const certified = async (days: number, name = 'hub.test') => {
  const certificate = await issueCertificate(authority, { commonName: name, names: [name] }, from(days))
  return createServer(certificate, answers)
}
const ask = async (port: number, ca: string | undefined = authority.cert) =>
  await sendJson({ host: '127.0.0.1', port, tls: { servername: 'hub.test', ca } }, { method: 'GET', path: '/' })

const cases: { why: string; made: () => Promise<NonNullable<typeof server>>; code: string; says: RegExp }[] = [
  {
    why: 'a certificate that has run out',
    made: async () => await certified(-10),
    code: 'certificate-expired',
    says: /has run out: who runs it must renew it/,
  },
  {
    why: 'a certificate of the future',
    made: async () => await certified(10),
    code: 'certificate-early',
    says: /look at the clocks/,
  },
  {
    why: 'a certificate of somebody else',
    made: async () => await certified(0, 'other.test'),
    code: 'certificate-name',
    says: /is for another name/,
  },
  {
    why: 'no TLS at all',
    made: async () => createPlainServer(answers),
    code: 'no-tls',
    says: /may begin with http:/,
  },
]
for (const { why, made, code, says } of cases) {
  test(`${why} is told as such`, async () => {
    const port = await listen(await made())
    await expect(ask(port)).rejects.toMatchObject({ kind: 'unavailable', code, message: expect.stringMatching(says) })
  })
}

test('a right one is answered, one of an unknown authority is told with what to do', async () => {
  const port = await listen(await certified(0))
  expect(await ask(port)).toMatchObject({ status: 200 })
  const stranger = { kind: 'unavailable', code: 'certificate-unknown', message: expect.stringMatching(/--ca FILE/) }
  await expect(
    sendJson({ host: '127.0.0.1', port, tls: { servername: 'hub.test' } }, { method: 'GET', path: '/' }),
  ).rejects.toMatchObject(stranger)
})

test('where nobody listens that is said first', async () => {
  const refused = sendJson({ host: '127.0.0.1', port: 1 }, { method: 'GET', path: '/x' })
  await expect(refused).rejects.toMatchObject({
    code: 'no-answer',
    message: 'nobody answers at 127.0.0.1:1 (GET /x)',
  })
})
