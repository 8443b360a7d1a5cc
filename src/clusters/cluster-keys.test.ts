import { createPrivateKey, X509Certificate } from 'node:crypto'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { issueCertificate } from '../base/certificate.ts'
import { type ClusterKeys, makeClusterKeys, renewAdmin } from './cluster-keys.ts'

const now = new Date()
const keys = await makeClusterKeys(now)

test('five authorities of their own, with their keys', () => {
  const names = Object.keys(keys.files).filter((name) => name.endsWith('.crt'))
  expect(names).toHaveLength(5)
  for (const name of names) {
    const certificate = new X509Certificate(keys.files[name] ?? '')
    expect(certificate.ca).toBe(true)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.checkPrivateKey(createPrivateKey(keys.files[name.replace('.crt', '.key')] ?? ''))).toBe(true)
  }
  expect(new Set(names.map((name) => new X509Certificate(keys.files[name] ?? '').subject)).size).toBe(5)
})

test('two machines’ tokens that differ, and no cluster has another’s', async () => {
  expect(keys.token).toMatch(/^[a-zA-Z0-9]{48}$/)
  expect(keys.agent_token).not.toBe(keys.token)
  expect((await makeClusterKeys(now)).token).not.toBe(keys.token)
})

test('a server of the cluster lets the administrator in, and knows it by its group', async () => {
  const admin = await subjectSeen(keys)
  expect(admin).toMatchObject({ CN: 'cloudmgr-admin', O: 'system:masters' })
})

test('a renewed administrator is let in as well, for a year from then', async () => {
  const later = new Date(now.getTime() + 200 * 86_400_000)
  const renewed = await renewAdmin(keys, later)
  expect(renewed.files).toBe(keys.files)
  const end = new Date(new X509Certificate(renewed.admin_crt).validTo).getTime()
  expect(Math.round((end - later.getTime()) / 86_400_000)).toBe(365)
  expect(
    new X509Certificate(renewed.admin_crt).verify(new X509Certificate(keys.files['client-ca.crt'] ?? '').publicKey),
  ).toBe(true)
})

/** Whom a TLS server with these authorities sees, when the administrator connects. */
async function subjectSeen({ files, admin_crt, admin_key }: ClusterKeys): Promise<unknown> {
  const key = createPrivateKey(files['server-ca.key'] ?? '').export({ type: 'pkcs8', format: 'pem' })
  const authority = { cert: files['server-ca.crt'] ?? '', key: String(key) }
  const server = await issueCertificate(authority, { commonName: 'api', names: ['127.0.0.1'] }, { from: now, days: 1 })
  const listening = createServer({ ...server, ca: files['client-ca.crt'] ?? '', requestCert: true })
  const seen = new Promise<TLSSocket>((resolve) => listening.once('secureConnection', resolve))
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const address = listening.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const client = connect({ port: address.port, host: '127.0.0.1', ca: authority.cert, cert: admin_crt, key: admin_key })
  try {
    await new Promise((resolve, reject) => client.once('secureConnect', resolve).once('error', reject))
    const socket = await seen
    expect(socket.authorized).toBe(true)
    return socket.getPeerCertificate().subject
  } finally {
    client.destroy()
    listening.close()
  }
}
