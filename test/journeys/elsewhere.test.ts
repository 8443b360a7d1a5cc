import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Io } from '../../src/cli/io.ts'
import { runCli } from '../../src/cli/program.ts'
import { Pki } from '../../src/local/pki.ts'
import { createServiceApi } from '../../src/site/service-http.ts'
import { startService } from './house.ts'

const project = resolve(import.meta.dirname, '../..')

let folder = ''
let service: Awaited<ReturnType<typeof startService>>
let server: Server
let url = ''
let ca = ''
let typed: string | undefined
let printed = { out: '', err: '' }
const keys = new Map<string, string>()

/** A whole service behind TLS of an authority of its own, and a CLI on a machine without any site. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-elsewhere-'))
  vi.stubEnv('CLOUDMGR_HOME', join(folder, 'sites'))
  vi.stubEnv('CLOUDMGR_CONFIG', join(folder, 'config'))
  for (const name of ['SITE', 'URL', 'USERID', 'APIKEY', 'CA']) vi.stubEnv(`CLOUDMGR_${name}`, undefined)
  service = await startService()
  await service.engine.start()
  const pki = new Pki(folder)
  await pki.ensureAuthority('ca')
  await pki.ensure('hub', 'ca', { commonName: 'hub', names: ['hub.test.localhost'] })
  ca = pki.file('ca', 'crt')
  server = createServer(pki.read('hub'), (request, response) => service.open.routing(request, response))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  url = `https://hub.test.localhost:${(server.address() as AddressInfo).port}`
  const { body } = await service.bootstrap()
  keys.set('admin', body.admin.apikey)
  const admin = service.as('admin', body.admin.apikey)
  for (const name of ['alice', 'bobby']) {
    const made = await admin.post('/api/v2/accounts', { name, email: `${name}@example.org` })
    keys.set(name, made.body.apikey)
    await service.ended(made.body.command)
  }
  printed = { out: '', err: '' }
})
afterEach(async () => {
  vi.unstubAllEnvs()
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
  await service.close()
  rmSync(folder, { recursive: true, force: true })
})

const io = (): Io => ({
  out: { write: (text) => (printed.out += text) },
  err: { write: (text) => (printed.err += text) },
  ask: async () => undefined,
  secret: async () => typed,
  now: () => Date.now(),
  service: createServiceApi,
  operator: async () => {
    throw new Error('no site of this machine may be looked for')
  },
  folder,
  interrupted: new AbortController().signal,
})

async function cli(...words: string[]) {
  printed = { out: '', err: '' }
  const code = await runCli(words, io())
  return { code, ...printed }
}

// oxlint-disable-next-line typescript/no-explicit-any -- as deep as the answers are
async function json(...words: string[]): Promise<any> {
  const { code, out, err } = await cli(...words, '--json')
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out)
}

async function login(name: string): Promise<void> {
  typed = keys.get(name)
  expect(await cli('login', url, '--userid', name, '--ca', ca)).toMatchObject({ code: 0, err: '' })
}

test('who signs in is known from then on, and the key lies where only its owner reads', async () => {
  await login('alice')
  const file = join(folder, 'config', 'logins.json')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).toContain(keys.get('alice'))
  expect(await json('whoami')).toMatchObject({ url, userid: 'alice', from: 'login', role: 'user', status: 'active' })
  expect((await cli('logout')).code).toBe(0)
  expect(readFileSync(file, 'utf8')).not.toContain(keys.get('alice'))
  expect(await cli('whoami')).toMatchObject({ code: 3, err: expect.stringContaining('cloudmgr login URL') })
})

test('a wrong key, an unknown authority or a name of somebody else are told and not kept', async () => {
  typed = 'wrong'
  expect((await cli('login', url, '--userid', 'alice', '--ca', ca)).code).toBe(6)
  typed = keys.get('alice')
  expect(await cli('login', url, '--userid', 'alice')).toMatchObject({ code: 5, err: expect.stringContaining('--ca') })
  expect((await cli('login', url, '--userid', 'bobby', '--ca', ca)).code).toBe(6)
  typed = `alice:${keys.get('alice')}`
  const colon = await cli('login', url, '--userid', 'alice', '--ca', ca)
  expect(colon).toMatchObject({ code: 2, err: expect.stringContaining('no API key has a colon in it') })
  expect(colon.err).not.toContain(keys.get('alice'))
  typed = undefined
  expect((await cli('login', url, '--userid', 'alice', '--ca', ca)).code).toBe(2)
  expect((await cli('login', url, '--ca', ca)).code).toBe(2)
  expect((await cli('login', 'http://hub.example.org', '--userid', 'alice')).code).toBe(2)
  writeFileSync(join(folder, 'no.pem'), 'none')
  expect((await cli('login', url, '--userid', 'alice', '--ca', join(folder, 'no.pem'))).code).toBe(2)
  expect((await cli('logout')).code).toBe(3)
})

test('a user orders, follows, changes and removes a runtime, and sees only what is theirs', async () => {
  await login('alice')
  expect((await json('service', 'list')).map(({ plan }: { plan: string }) => plan)).toContain('runtime')
  expect(await json('worker', 'add', 'gold', '--size', '2', '--preview')).toMatchObject({ phase: 'install' })
  const added = await cli('worker', 'add', 'gold', '--size', '2', '--role', 'gpu')
  expect(added).toMatchObject({ code: 0, err: '' })
  expect(added.out).toMatch(/runtime gold done/)
  expect(await json('worker', 'list')).toMatchObject([
    { instance: 'gold', account: 'alice', state: 'active', params: { size: 2, role: 'gpu' } },
  ])
  expect((await cli('worker', 'scale', 'gold', '3')).code).toBe(0)
  expect(await json('worker', 'list')).toMatchObject([{ params: { size: 3, role: 'gpu' } }])
  expect((await cli('worker', 'scale', 'gold', 'many')).code).toBe(2)
  const [newest] = await json('command', 'list')
  expect(await json('command', 'show', String(newest.id))).toMatchObject({ plan: 'runtime', phase: 'update' })
  expect((await cli('command', 'follow', String(newest.id))).code).toBe(0)
  expect(await json('status')).toMatchObject({ url, userid: 'alice', status: 'active' })
  expect((await cli('worker', 'remove', 'gold')).code).toBe(2)
  expect((await cli('worker', 'remove', 'gold', '--yes')).code).toBe(0)
  expect(await json('worker', 'list')).toEqual([])
  expect((await cli('nodepool', 'add', 'fast', '--size', '2')).code).toBe(0)
  expect(await json('nodepool', 'list')).toMatchObject([{ instance: 'fast', params: { size: 2 } }])

  expect((await cli('account', 'show')).out).toContain('alice@example.org')
  expect((await cli('account', 'show', 'bobby')).code).toBe(6)
  expect((await cli('account', 'list')).code).toBe(6)
  expect((await cli('audit')).code).toBe(6)
  expect((await cli('command', 'list', '--account', 'bobby')).code).toBe(6)
})

test('keys: another one of one’s own; a replaced main key is kept with the sign-in', async () => {
  await login('alice')
  const made = await json('key', 'create', 'laptop')
  expect(made).toMatchObject({ name: 'laptop', apikey: expect.any(String) })
  const rotated = await json('account', 'rotate', 'alice')
  expect(rotated.apikey).not.toBe(keys.get('alice'))
  expect(await json('whoami')).toMatchObject({ userid: 'alice' })
})

test('an admin looks after people and groups; --userid chooses among sign-ins', async () => {
  await login('alice')
  await login('admin')
  expect((await json('account', 'list')).map(({ userid }: { userid: string }) => userid)).toContain('bobby')
  expect((await cli('group', 'create', 'team', '--owner', 'alice')).code).toBe(0)
  expect((await cli('account', 'create', 'carol', '--email', 'carol@example.org')).out).toContain(`--apiurl ${url}`)
  expect((await json('audit', '--subject', 'carol')).length).toBeGreaterThan(0)
  expect(await json('whoami', '--userid', 'alice')).toMatchObject({ userid: 'alice' })
  expect(await json('whoami')).toMatchObject({ userid: 'admin' })
  expect((await json('group', 'show', 'team', '--userid', 'alice')).name).toBe('team')
})

test('the environment alone is enough, and nothing is kept of it', async () => {
  vi.stubEnv('CLOUDMGR_URL', url)
  vi.stubEnv('CLOUDMGR_USERID', 'bobby')
  vi.stubEnv('CLOUDMGR_APIKEY', keys.get('bobby'))
  vi.stubEnv('CLOUDMGR_CA', ca)
  expect(await json('whoami')).toMatchObject({ url, userid: 'bobby', from: 'environment' })
  expect((await cli('logout')).code).toBe(3)
})

test('the real program reads the key from its input and trusts what Node was told to trust', async () => {
  const env = {
    CLOUDMGR_CONFIG: join(folder, 'config'),
    CLOUDMGR_HOME: join(folder, 'sites'),
    NODE_EXTRA_CA_CERTS: ca,
  }
  const program = async (words: string[], input = '') =>
    await execa('node', [join(project, 'src/main.ts'), ...words], { env, input, reject: false, timeout: 60_000 })
  const first = await program(['login', url, '--userid', 'alice'], `${keys.get('alice')}\n`)
  expect([first.exitCode, first.stderr]).toEqual([0, ''])
  const second = await program(['whoami', '--json'])
  expect(JSON.parse(second.stdout)).toMatchObject({ userid: 'alice', url })
})

test('a mistyped plan or account is answered with what may have been meant; users learn nothing of others', async () => {
  await login('alice')
  expect((await cli('order', 'add', 'runtme')).err).toContain('did you mean runtime?')
  expect((await cli('service', 'show', 'jupiter')).err).toContain('did you mean jupyter?')
  expect((await cli('account', 'show', 'boby')).err).not.toContain('bobby')
  await login('admin')
  expect((await cli('account', 'show', 'boby')).err).toContain('did you mean bobby?')
  expect((await cli('order', 'add', 'runtime', '--account', 'alcie')).err).toContain('did you mean alice?')
  expect((await cli('account', 'remove', 'bobbby', '--yes')).err).toContain('did you mean bobby?')
})
