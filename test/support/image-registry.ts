import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Pki } from '../../src/local/pki.ts'
import { ensureTools } from '../../src/tools/ensure.ts'
import { freePort, needProgram } from './programs.ts'
import { startServer, untilReady } from './server-process.ts'

/** The registry that a site has on this machine, with what others put before theirs. */
export interface ImageRegistry {
  /** `host:port`. */
  readonly address: string
  /** Where its images lie. */
  readonly storage: string
  /** PEM of the authority of its certificate; empty: it has none. */
  readonly ca: string
  /** What its server said. */
  log(): string
  stop(): Promise<void>
}

export interface RegistryWishes {
  /** TLS with a certificate of an authority that nobody knows, at an address of this host that is not the loopback. */
  readonly tls?: boolean
  /** `password`: asks for `registryLogin`. `pull-only`: that one gets a token which never lets it push. */
  readonly auth?: 'password' | 'pull-only'
}

export const registryLogin = { username: 'pusher', password: 'of-the-registry-tests' }
const htpasswd = 'pusher:$2b$04$faoIOI00xZYDp7H8BojVb.yPDNqWTF7giJw6D757dXftnnWrD1cBG\n'

/** An address of this host that others reach. */
export function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal)
  if (found === undefined) throw new Error('this host has the loopback only')
  return found.address
}

export async function startImageRegistry({ tls = false, auth }: RegistryWishes = {}): Promise<ImageRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-registry-'))
  const host = tls ? hostAddress() : '127.0.0.1'
  const address = `${host}:${await freePort()}`
  const storage = join(folder, 'storage')
  mkdirSync(storage)
  const pki = new Pki(folder)
  if (tls) {
    await pki.ensureAuthority('ca')
    await pki.ensure('registry', 'ca', { commonName: 'registry', names: [host] })
  }
  writeFileSync(join(folder, 'htpasswd'), htpasswd)
  const tokens = auth === 'pull-only' ? await startTokens(join(folder, 'jwks.json')) : undefined
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: storage } },
    http: {
      addr: address,
      ...(tls ? { tls: { certificate: pki.file('registry', 'crt'), key: pki.file('registry', 'key') } } : {}),
    },
    ...(auth === 'password' ? { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } } : {}),
    ...(tokens === undefined ? {} : { auth: { token: tokens.config } }),
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  const log = join(folder, 'log')
  const env = { OTEL_TRACES_EXPORTER: 'none' }
  const program = await registryProgram(auth)
  const server = startServer(program, ['serve', join(folder, 'config.json')], { log, env })
  // It listens; what it answers is for those who know its authority.
  await untilReady('registry', server, log, async () => readFileSync(log, 'utf8').includes('listening on'))
  return {
    address,
    storage,
    ca: tls ? readFileSync(pki.file('ca', 'crt'), 'utf8') : '',
    log: () => readFileSync(log, 'utf8'),
    stop: async () => {
      await server.stop()
      await tokens?.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Sites have one that asks nobody. */
async function registryProgram(auth: RegistryWishes['auth']): Promise<string> {
  if (auth === undefined) return needProgram('image-registry')
  return (await ensureTools(['closed-registry'])).paths['closed-registry']
}

/** Who gives tokens, as beside the registries of clouds: whoever has the password may pull. */
async function startTokens(jwks: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const kid = 'one'
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] }))
  const basic = `Basic ${Buffer.from(`${registryLogin.username}:${registryLogin.password}`).toString('base64')}`
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.authorization !== basic) return void response.writeHead(401).end()
    const scope = new URL(request.url ?? '', 'http://localhost').searchParams.get('scope') ?? ''
    const [type, name] = scope.split(':')
    const token = await new SignJWT({ access: [{ type, name, actions: ['pull'] }] })
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' })
      .setIssuer('tokens')
      .setAudience('registry')
      .setNotBefore('-10s')
      .setExpirationTime('5m')
      .sign(privateKey)
    response.end(JSON.stringify({ token }))
  }
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
  return {
    config: { realm, service: 'registry', issuer: 'tokens', jwks },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
