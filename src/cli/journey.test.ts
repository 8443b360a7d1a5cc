import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { AppError } from '../base/errors.ts'
import { simulatedParts } from '../site/site.ts'
import type { FakeOutside } from './fake-outside.ts'
import { runCli } from './program.ts'
import { testCli } from './testing.ts'

let folder = ''
let state = ''
let outside: FakeOutside

const { run: cli, json } = testCli((fresh) => void ({ folder, state, outside } = fresh))

test('up runs the whole plan and ends with what a newcomer needs', async () => {
  expect(await cli('up')).toBe(0)
  const { out, err } = outside.printed()
  expect(err).toBe('')
  expect(out).toContain('✓ self-check')
  expect(out).toContain('om cloud login demo demokey --apiurl http://hub.omega.localhost:8080')
  expect(readFileSync(outside.hostsFile, 'utf8')).toContain('127.0.0.1 hub.omega.localhost')
  expect(outside.helm.valuesOf('omegaml-system', 'omegaml-services')).toMatchObject({
    publicUrl: 'http://hub.omega.localhost:8080',
    secrets: { create: false },
    images: { mysql: { repository: '10.0.0.1:5000/mysql', digest: 'sha256:0' } },
    site: { images: { runtime: '10.0.0.1:5000/omegaml-runtime@sha256:0' } },
  })
  const order = outside.done.filter((what) => what.startsWith('build'))
  expect(order.at(-1)).toBe('build omegaml-runtime')
})

test('sign-up is opened, stays open, and is closed again', async () => {
  const signUp = () =>
    (outside.helm.valuesOf('omegaml-system', 'omegaml-services') as { site: { signUp: object } }).site.signUp
  await cli('up')
  expect(signUp()).toEqual({ open: false })
  await cli('up', '--open-signup')
  expect(signUp()).toEqual({ open: true, runtime: 'own' })
  outside.printed()
  await cli('up', '--open-signup', 'shared')
  expect(outside.printed().out).toContain('note: everybody may sign up and run code on the shared workers')
  await cli('up')
  expect(signUp()).toEqual({ open: true, runtime: 'shared' })
  await cli('up', '--no-open-signup')
  expect(signUp()).toEqual({ open: false })
  expect(await cli('up', '--open-signup', 'everywhere')).toBe(2)
})

test('an index of Python packages is named, stays, and is left again', async () => {
  const pip = () => (outside.helm.valuesOf('omegaml-system', 'omegaml-services') as { site: { pip: object } }).site.pip
  const workers = () => (outside.helm.valuesOf('omegaml-worker', 'omegaml-runtime') as { env: object }).env
  await cli('up')
  expect(pip()).toEqual({})
  await cli('up', '--package-index', 'http://pypi.test:8080/simple')
  await cli('up')
  const index = { PIP_INDEX_URL: 'http://pypi.test:8080/simple', PIP_TRUSTED_HOST: 'pypi.test:8080' }
  expect(pip()).toEqual(index)
  expect(workers()).toEqual(index)
  await cli('up', '--package-index', 'https://pypi.test/simple')
  expect(pip()).toEqual({ PIP_INDEX_URL: 'https://pypi.test/simple' })
  await cli('up', '--no-package-index')
  expect(pip()).toEqual({})
  outside.printed()
  expect(await cli('up', '--package-index', 'https://me:Secret1@pypi.test/simple')).toBe(2)
  expect(await cli('up', '--package-index', 'pypi.test')).toBe(2)
  expect(outside.printed().err).toMatch(/package index/)
})

test('up --json prints one object and nothing else', async () => {
  const result = await json<Record<string, unknown>>('up')
  expect(result).toEqual({
    api: 'http://hub.omega.localhost:8080',
    notebook: 'http://notebook.omega.localhost:8080',
    admin: { userid: 'admin', password: expect.any(String) },
    demo: { userid: 'demo', apikey: 'demokey' },
  })
})

test('the demo account’s key is kept through down and up, and found again by its password when it was rotated', async () => {
  const demo = async () => (await json<{ demo: { apikey: string } }>('up')).demo.apikey
  expect(await demo()).toBe('demokey')
  expect(await cli('down')).toBe(0)
  outside.printed()
  expect(await demo()).toBe('demokey')

  const account = outside.accounts.get('demo')!
  outside.accounts.set('demo', { ...account, apikey: 'rotatedbyhand' })
  expect(await demo()).toBe('rotatedbyhand')

  outside.accounts.set('demo', { ...account, apikey: 'rotatedagain' })
  outside.passwords.set('demo', 'of its owner alone')
  expect(await cli('up')).toBe(1)
  expect(outside.printed().err).toContain('./cloudmgr account remove demo')
})

test('no secret lies in the journal in the clear', async () => {
  await cli('up', '--listen', '192.0.2.7', '--domain', 'omega.internal')
  const journal = ['journal.db', 'journal.db-wal']
    .map((name) => join(state, name))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'latin1'))
    .join('')
  expect(journal).toContain('self-check')
  expect(journal).not.toContain('demokey')
  expect(journal).not.toContain('kind: Config')
  expect(journal).not.toContain('PRIVATE KEY')
  expect(journal).not.toContain(Buffer.from('-----BEGIN PRIVATE KEY').toString('base64').slice(0, -4))
})

test('up again looks only, and gives the same answer', async () => {
  const first = await json('up')
  const built = outside.done.length
  expect(await json('up')).toEqual(first)
  expect(outside.done.slice(built).filter((what) => what.startsWith('cloud'))).toEqual([])
  expect(outside.done.filter((what) => what === 'deployments ensured')).toHaveLength(1)
})

test('a failed step is told with its reason, and the next up goes on', async () => {
  outside.beforeImage = async (name) => {
    if (name === 'jupyterhub') throw new AppError('invalid', 'image-build', 'building jupyterhub: no such package')
  }
  expect(await cli('up')).toBe(1)
  expect(outside.printed().err).toContain('step image-jupyterhub: building jupyterhub: no such package')
  outside.beforeImage = async () => {}
  const before = outside.done.length
  expect(await cli('up')).toBe(0)
  const after = outside.done.slice(before)
  expect(after).toContain('build jupyterhub')
  expect(after).not.toContain('cloud started')
})

test('an up that failed on a site that ran is undone: the releases and the site are what they were, and nothing is removed', async () => {
  const index = () => {
    const { env, site } = outside.helm.valuesOf('omegaml-system', 'omegaml-services') as Record<string, { pip: object }>
    return (site ?? env)?.pip
  }
  await cli('up')
  outside.printed()
  outside.helm.failNextUpgrade(new AppError('invalid', 'release-refused', 'upgrading omegaml-system'))
  expect(await cli('up', '--package-index', 'https://pypi.test/simple')).toBe(1)
  expect(outside.printed().err).toContain('run ./cloudmgr up to continue, or ./cloudmgr commands undo 2 to go back')
  expect(index()).toEqual({ PIP_INDEX_URL: 'https://pypi.test/simple' })

  const volumes = await outside.terraform.resources(join(state, 'terraform/volumes'))
  expect(await cli('commands', 'undo', '2')).toBe(0)
  expect(index()).toEqual({})
  expect(await outside.terraform.resources(join(state, 'terraform/volumes'))).toEqual(volumes)
  // The bad value is forgotten: the next up finds all as wanted.
  const { revision } = (await outside.helm.find('omegaml-system', 'omegaml-services'))!
  expect(await cli('up')).toBe(0)
  expect(await outside.helm.find('omegaml-system', 'omegaml-services')).toMatchObject({ revision, status: 'deployed' })
})

test('an up that was stopped half way is undone as well; one that ended well is not', async () => {
  await cli('up')
  outside.beforeImage = async (_name, signal) => {
    outside.interrupt()
    signal.throwIfAborted()
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
  }
  outside.forgetImages()
  expect(await cli('up')).toBe(130)
  expect(outside.printed().err).toContain('commands undo 2')
  expect(await cli('commands', 'undo', '1')).toBe(4)
  expect(outside.printed().err).toContain('command 2 is newer')
  expect(await cli('commands', 'undo', '2')).toBe(0)
  outside.beforeImage = async () => {}
  await cli('up')
  outside.printed()
  expect(await cli('commands', 'undo', '4')).toBe(4)
  expect(outside.printed().err).toContain('it ended well')
})

test('an undo never takes away what an earlier up made, also when nobody knows what ran', async () => {
  await cli('up')
  rmSync(join(state, 'applied.json'))
  outside.helm.failNextUpgrade(new AppError('invalid', 'release-refused', 'upgrading omegaml-system'))
  await cli('up', '--package-index', 'https://pypi.test/simple')
  outside.printed()
  expect(await cli('commands', 'undo', '2')).toBe(4)
  expect(outside.printed().err).toContain('taking it back would take that away')
  expect(await outside.terraform.resources(join(state, 'terraform/volumes'))).not.toEqual([])
})

test('a damaged journal is said to be, by name, before anything is changed', async () => {
  await cli('up')
  outside.printed()
  const journal = join(state, 'journal.db')
  for (const name of ['journal.db-wal', 'journal.db-shm']) rmSync(join(state, name), { force: true })
  const sound = readFileSync(journal)
  const before = outside.done.length
  for (const damage of [
    Buffer.from('not a database at all'),
    Buffer.concat([sound.subarray(0, 8192), Buffer.alloc(sound.length - 8192, 7)]),
  ]) {
    writeFileSync(journal, damage)
    expect(await cli('up')).toBe(4)
    expect(outside.printed().err).toContain(`the journal ${journal} is damaged`)
  }
  expect(outside.done.length).toBe(before)
  writeFileSync(journal, sound)
  expect(await cli('up')).toBe(0)
})

test('a state folder that a newer version wrote is refused with both forms', async () => {
  await cli('up')
  outside.printed()
  const path = join(state, 'site.json')
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), version: 2 }))
  for (const word of ['up', 'status', 'down']) {
    expect(await cli(word)).toBe(4)
    expect(outside.printed().err).toContain('a newer cloudmgr wrote it (form 2, this one reads 1)')
  }
})

test('up and down while another one works on the site are told so before they ask or change anything', async () => {
  await cli('up')
  const site = readFileSync(join(state, 'site.json'), 'utf8')
  const other = spawn(process.execPath, ['-e', 'process.stdin.resume()', 'src/main.ts'])
  try {
    await new Promise((started) => other.once('spawn', started))
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    writeFileSync(join(state, 'lock'), `${other.pid} ${hostname()} ${boot}\n`)
    const before = outside.done.length
    outside.printed()
    for (const words of [
      ['up', '--open-signup'],
      ['up', '--domain', 'other.localhost'],
      ['down'],
      ['down', '--purge'],
    ]) {
      expect(await cli(...words), words.join(' ')).toBe(4)
      const { out, err } = outside.printed()
      expect([out, err]).toEqual(['', expect.stringContaining(`another cloudmgr (process ${other.pid})`)])
    }
    expect([outside.done.length, readFileSync(join(state, 'site.json'), 'utf8')]).toEqual([before, site])
    expect(await cli('status')).toBe(5)
    rmSync(join(state, 'lock'))
    expect(await cli('up', '--open-signup')).toBe(0)
  } finally {
    other.kill()
  }
})

test('of two first ups of one site the second changes nothing of what the first wanted', async () => {
  const gate = Promise.withResolvers<void>()
  outside.beforeImage = async () => await gate.promise
  const first = cli('up', '--open-signup')
  await vi.waitFor(() => expect(existsSync(join(state, 'site.json'))).toBe(true), { timeout: 10_000, interval: 10 })
  // In one process they would take each other for dead.
  writeFileSync(join(state, 'lock'), '7 elsewhere another-start\n')
  expect(await cli('up', '--domain', 'other.localhost')).toBe(4)
  expect(outside.printed().err).toContain('process 7 on elsewhere has this site')
  gate.resolve()
  expect(await first).toBe(0)
  expect(JSON.parse(readFileSync(join(state, 'site.json'), 'utf8'))).toMatchObject({
    domain: 'omega.localhost',
    signUp: 'own',
  })
})

test('Ctrl-C ends with 130 and loses nothing', async () => {
  outside.beforeImage = async (name, signal) => {
    if (name !== 'rabbitmq') return
    outside.interrupt()
    signal.throwIfAborted()
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
  }
  expect(await cli('up')).toBe(130)
  expect(outside.printed().err).toContain('run ./cloudmgr up to continue')
  outside.beforeImage = async () => {}
  expect(await cli('up')).toBe(0)
  expect(outside.done).toContain('build rabbitmq')
})

test('down and up bring the same accounts and keys back', async () => {
  const first = await json('up')
  expect(await cli('down')).toBe(0)
  expect(outside.cloudRuns).toBe(false)
  expect(readFileSync(outside.hostsFile, 'utf8')).toBe('127.0.0.1 localhost\n')
  expect(await outside.terraform.resources(join(state, 'terraform/cluster'))).toEqual([])
  expect(await outside.terraform.resources(join(state, 'terraform/volumes'))).not.toEqual([])
  // The next cluster is another one.
  await outside.kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: 'omegaml-services' })
  outside.printed()
  expect(await json('up')).toEqual(first)
  expect(outside.done.filter((what) => what === 'deployments ensured')).toHaveLength(2)
})

test('down --purge asks for the name, removes everything and verifies it', async () => {
  await cli('up')
  outside.printed()
  outside.answer = 'something else'
  expect(await cli('down', '--purge')).toBe(2)
  expect(outside.printed().err).toContain("type the site's name (omega)")
  outside.leftovers = ['mounts: /run/x']
  expect(await cli('down', '--purge', '--yes')).toBe(4)
  expect(outside.printed().err).toContain('mounts: /run/x')
  expect(existsSync(state)).toBe(true)
  outside.leftovers = []
  outside.answer = 'omega'
  expect(await cli('down', '--purge')).toBe(0)
  expect(existsSync(state)).toBe(false)
  expect(await outside.terraform.resources(join(state, 'terraform/volumes'))).toEqual([])
})

test('a site that was never made up can be purged', async () => {
  outside.beforeImage = async () => {}
  outside.terraform.failNextApply(new AppError('invalid', 'terraform-invalid', 'no'))
  expect(await cli('up')).toBe(1)
  outside.printed()
  expect(await cli('down', '--purge', '--yes')).toBe(0)
  expect(existsSync(state)).toBe(false)
})

test('a site whose tools failed can be purged: its hosts lines go', async () => {
  outside.toolsFail = new AppError('conflict', 'tool-build', 'building etcd')
  expect(await cli('up')).toBe(1)
  expect(outside.printed().err).toContain('step tools: building etcd')
  expect(await cli('down', '--purge', '--yes')).toBe(0)
  expect(outside.done).not.toContain('cloud started')
  expect(readFileSync(outside.hostsFile, 'utf8')).toBe('127.0.0.1 localhost\n')
  expect(existsSync(state)).toBe(false)
})

const refusals: { why: string; words: string[]; set: () => void; code: number; text: RegExp }[] = [
  {
    why: 'without root',
    words: [],
    set: () => (outside.facts = { ...outside.facts, uid: 1000 }),
    code: 6,
    text: /root: running as user 1000.*sudo/,
  },
  {
    why: 'without space on the disk',
    words: [],
    set: () => (outside.facts = { ...outside.facts, warm: false, stateFreeGb: 7 }),
    code: 5,
    text: /disk: 7\.0 GB free where the state lies, about 20 GB/,
  },
  {
    why: 'without memory',
    words: [],
    set: () => (outside.facts = { ...outside.facts, availableGb: 1 }),
    code: 5,
    text: /memory: 16\.0 GB, 1\.0 GB of it available/,
  },
  {
    why: 'when another program has the port',
    words: [],
    set: () => (outside.findHolder = (port) => (port === 8080 ? { pid: 9, program: 'nginx', ours: false } : undefined)),
    code: 4,
    text: /port 8080 for http is in use by nginx \(process 9\).*--http-port/,
  },
  {
    why: 'with a name that can not be one',
    words: ['--site', 'Not Good'],
    set: () => {},
    code: 2,
    text: /site name "Not Good"/,
  },
  {
    why: 'with a domain of one label',
    words: ['--domain', 'localhost'],
    set: () => {},
    code: 2,
    text: /domain "localhost"/,
  },
]

for (const { why, words, set, code, text } of refusals) {
  test(`up refuses before anything is changed: ${why}`, async () => {
    set()
    expect(await cli('up', ...words)).toBe(code)
    expect(outside.printed().err).toMatch(text)
    expect(existsSync(state)).toBe(false)
    expect(outside.done).toEqual([])
  })
}

test('a site’s name in upper case, with dots or of 64 characters is refused, and so is such a domain', async () => {
  for (const name of ['Omega', 'ome.ga', 'x'.repeat(64), '-omega', '']) {
    expect(await cli('up', '--site', name)).toBe(2)
    expect(outside.printed().err).toContain(`site name "${name}" is not usable: 2 to 16 lower-case letters`)
  }
  for (const domain of ['Omega.Example', 'a_b.example', `${'x'.repeat(64)}.example`, 'omega..example', '10.0.0.1']) {
    expect(await cli('up', '--domain', domain)).toBe(2)
    expect(outside.printed().err).toContain(`domain "${domain}" is not usable`)
  }
  expect(existsSync(state)).toBe(false)
})

test('a simulated site needs no root, says what it is, and stays so', async () => {
  outside.facts = { ...outside.facts, uid: 1000, memoryGb: 4, availableGb: 2 }
  expect(await json('up', '--simulated')).toMatchObject({ simulated: [...simulatedParts] })
  expect(outside.done).toContain('process cloudmgr')
  expect(outside.done.filter((what) => what.startsWith('build'))).toEqual([])
  const config = JSON.parse(readFileSync(join(state, 'service/config.json'), 'utf8')) as { env: object }
  expect(config.env).toMatchObject({ CLOUDMGR_PUBLIC_PORT: '8080', CLOUDMGR_PROVIDER_TOKEN: 'tokenOfTheGateway' })
  expect(statSync(join(state, 'service/config.json')).mode & 0o077).toBe(0)
  expect(await cli('up')).toBe(0)
  expect(outside.printed().out).toMatch(/Simulated {7}machines and their pods, MongoDB/)
  expect(await json('status')).toMatchObject({
    simulated: [...simulatedParts],
    components: [{ name: 'cloudmgr', kind: 'process of this host', state: 'ready' }],
  })
  await cli('doctor')
  expect(outside.printed().out).toContain('not needed: all machines are simulated')
  expect(await cli('down', '--purge', '--yes')).toBe(0)
  expect(existsSync(state)).toBe(false)

  outside.facts = { ...outside.facts, uid: 0, memoryGb: 16, availableGb: 12 }
  await cli('up')
  outside.printed()
  expect(await cli('up', '--simulated')).toBe(4)
  expect(outside.printed().err).toContain('site omega is real and stays so')
})

test('the ports of a site stay as they were made', async () => {
  await cli('up')
  outside.printed()
  expect(await cli('up', '--http-port', '8081')).toBe(4)
  expect(outside.printed().err).toContain('has http-port 8080, not 8081')
})

test('until there is a cluster another port can be chosen', async () => {
  const first = cli('up')
  outside.interrupt()
  expect(await first).toBe(130)
  expect(await cli('up', '--http-port', '8081')).toBe(0)
  expect(outside.printed().out).toContain('--apiurl http://hub.omega.localhost:8081')
})

test('other machines are let in, by TLS only and under a domain of their reach, and shut out again', async () => {
  const values = (release: string) => outside.helm.valuesOf(release, 'omegaml-services')
  const ports = () => {
    const text = readFileSync(join(state, 'terraform/cluster/terraform.tfvars.json'), 'utf8')
    return (JSON.parse(text) as { ports: { host: number; address: string | null }[] }).ports
  }
  await cli('up')
  expect(values('omegaml-ingress')).toMatchObject({ tls: { secretName: '' } })
  outside.printed()

  expect(await cli('up', '--listen', '192.0.2.7')).toBe(2)
  expect(outside.printed().err).toContain('for example omega.internal')
  expect(await cli('up', '--listen', '192.0.2.9', '--domain', 'omega.internal')).toBe(2)
  expect(outside.printed().err).toContain('listen 192.0.2.9 is none of this machine; right is 192.0.2.7')

  expect(await cli('up', '--listen', '192.0.2.7', '--domain', 'omega.internal')).toBe(0)
  const { out } = outside.printed()
  expect(out).toContain('--apiurl https://hub.omega.internal:8443')
  expect(out).toContain('192.0.2.7 hub.omega.internal notebook.omega.internal')
  expect(values('omegaml-system')).toMatchObject({
    publicUrl: 'https://hub.omega.internal:8443',
    notebookUrl: 'https://notebook.omega.internal:8443',
    site: { tls: true, mongo: { publicHost: 'mongo.omega.internal:27018', internalHost: expect.any(String) } },
  })
  const tls = { secretName: 'site-tls', redirect: false }
  expect(values('omegaml-ingress')).toMatchObject({ domain: 'omega.internal', tls })
  const elsewhere = ports().filter(({ address }) => address === '192.0.2.7')
  expect(elsewhere.map(({ host }) => host)).toEqual([8443, 27018, 5671])
  expect(readFileSync(outside.hostsFile, 'utf8')).not.toContain('omega.localhost')
  expect(await json<{ ca: string }>('ca')).toMatchObject({ ca: readFileSync(join(state, 'authority.pem'), 'utf8') })

  const again = await json<{ reach: object }>('up')
  expect(again.reach).toMatchObject({ listen: '192.0.2.7', ports: { https: 8443, mongo: 27018, broker: 5671 } })
  await cli('up', '--listen', '127.0.0.1')
  expect(outside.printed().out).toContain('--apiurl http://hub.omega.internal:8080')
  expect(ports().filter(({ address }) => address !== null)).toEqual([])
  expect(values('omegaml-system')).toMatchObject({ site: { tls: false } })
})

test('names that do not resolve are told with the line that mends it', async () => {
  await cli('up', '--domain', 'omega.example')
  expect(outside.printed().out).not.toContain('does not resolve')
  outside.resolves = async () => false
  await cli('up')
  const { out } = outside.printed()
  expect(out).toContain('hub.omega.example does not resolve on this machine. Add to /etc/hosts, as root:')
  expect(out).toContain('127.0.0.1 hub.omega.example notebook.omega.example mongo.omega.example broker.omega.example')
})

test('who came by SSH is told the tunnel', async () => {
  outside.env['SSH_CONNECTION'] = '198.51.100.4 50022 192.0.2.7 22'
  await cli('up')
  expect(outside.printed().out).toContain('ssh -L 8080:127.0.0.1:8080')
})

test('accounts are made, listed, shown, rotated and removed', async () => {
  await cli('up')
  outside.printed()
  expect(await json('account', 'create', 'alice', '--email', 'alice@example.org')).toEqual({
    userid: 'alice',
    apikey: 'alicekey',
    apiUrl: 'http://hub.omega.localhost:8080',
    status: 'active',
    readySeconds: expect.any(Number),
  })
  expect(await cli('account', 'create', 'alice', '--email', 'alice@example.org')).toBe(4)
  outside.printed()
  expect((await json<{ userid: string }[]>('account', 'list')).map((one) => one.userid)).toContain('alice')
  // The admin makes the old key useless; the new one is told to alice alone.
  expect(await json('account', 'rotate', 'alice')).toEqual({
    userid: 'alice',
    apiUrl: 'http://hub.omega.localhost:8080',
    status: 'active',
  })
  expect(outside.accounts.get('alice')?.apikey).toBe('alicenewkey')
  expect(await json('account', 'remove', 'alice', '--yes')).toEqual({ userid: 'alice', status: 'removed' })
  expect(await cli('account', 'show', 'alice')).toBe(3)
})

test('status, logs and commands tell what is and what was', async () => {
  await cli('up')
  outside.printed()
  expect(await cli('logs', 'hosts')).toBe(0)
  expect(outside.printed().out).toContain('names in')
  expect(await cli('logs', 'hostz')).toBe(3)
  expect(outside.printed().err).toContain('no component named "hostz"; did you mean hosts?; ./cloudmgr logs has all')
  expect((await json<{ plan: string }[]>('commands', 'list')).map((command) => command.plan)).toEqual(['site'])
  expect(await json<object>('commands', 'show', '1')).toMatchObject({ plan: 'site', state: 'done' })
  expect(await cli('commands', 'retry', '1')).toBe(4)
  outside.printed()
  expect(await cli('status')).toBe(5)
  expect(outside.printed().out).toContain('http://hub.omega.localhost:8080')
  expect(await cli('kubeconfig')).toBe(0)
  expect(outside.printed().out.trim()).toBe(join(state, 'kubeconfig'))
})

const usage: { words: string[]; code: number }[] = [
  { words: ['status'], code: 3 },
  { words: ['up', '--profile', 'huge'], code: 2 },
  { words: ['frobnicate'], code: 2 },
  { words: ['account', 'create', 'alice'], code: 2 },
  { words: ['commands', 'show', 'x'], code: 2 },
]

for (const { words, code } of usage) {
  test(`cloudmgr ${words.join(' ')} ends with ${code}`, async () => expect(await cli(...words)).toBe(code))
}

test('who types half a line is shown the whole one', async () => {
  const lines: [words: string[], says: RegExp[]][] = [
    [
      ['account', 'create'],
      [
        /cloudmgr: .*--email/,
        /usage: \.\/cloudmgr account create <name> --email <address> \[options\]; more with --help/,
      ],
    ],
    [
      ['order', 'add'],
      [/missing required argument 'plan'/, /usage: \.\/cloudmgr order add <plan> \[key=value\.\.\.\] \[options\]/],
    ],
    [['login'], [/missing required argument 'url'/, /usage: \.\/cloudmgr login <url> \[options\]/]],
    [['stauts'], [/cloudmgr: unknown command 'stauts'/, /Did you mean status\?/, /\.\/cloudmgr --help/]],
    [
      ['up', '--profil', 'minimal'],
      [/Did you mean --profile\?/, /usage: \.\/cloudmgr up \[options\]/],
    ],
  ]
  for (const [words, says] of lines) {
    expect(await cli(...words)).toBe(2)
    const { err } = outside.printed()
    for (const text of says) expect(err).toMatch(text)
  }
})

test('where there is no such site, those that there are are told', async () => {
  const home = join(folder, 'home')
  const there = async (...words: string[]) => {
    const code = await runCli(words, outside.io)
    return [code, outside.printed().err.trim()]
  }
  expect(await there('status', '--site', 'other')).toEqual([
    3,
    `cloudmgr: there is no site in ${home}/other: ./cloudmgr up makes one`,
  ])
  expect(await runCli(['up', '--site', 'mine'], outside.io)).toBe(0)
  outside.printed()
  expect(await there('down', '--site', 'other')).toEqual([
    3,
    `cloudmgr: there is no site in ${home}/other: ./cloudmgr up makes one; here are --site mine`,
  ])
  expect(await there('service', 'list')).toEqual([
    3,
    'cloudmgr: there is no site on this machine, and nobody is signed in at one elsewhere: ./cloudmgr up makes one, ./cloudmgr login URL --userid NAME goes to another',
  ])
})

const shownPlans = [
  { plan: 'pool', title: 'A pool', description: '', orderable: 'user', phases: ['install'], limit: 3, parameters: {} },
]

test('services are listed and shown', async () => {
  await cli('up')
  outside.printed()
  outside.answerCall = ({ path }) => (path === '/api/v2/plans' ? { plans: shownPlans } : shownPlans[0])
  expect(await cli('service', 'list')).toBe(0)
  expect(outside.printed().out).toContain('pool  user  A pool')
  expect(await cli('service', 'show', 'pool')).toBe(0)
  expect(outside.printed().out).toContain('at most 3 per account')
})

test('a mistake in a plan file is named by its line', async () => {
  const file = join(folder, 'mine.yml')
  writeFileSync(file, 'plan: mine\ntitle: Mine\nsteps:\n  - {step: one, action: helm-relase}\n')
  expect(await cli('service', 'check', file)).toBe(2)
  expect(outside.printed().err).toContain('mine.yml:4: steps[0].action')
  writeFileSync(file, 'plan: mine\ntitle: Mine\nsteps:\n  - {step: one, action: helm-release}\n')
  expect(await cli('service', 'check', file)).toBe(0)
})

test('an order is typed as its plan says, previewed, and followed to its end', async () => {
  await cli('up')
  outside.printed()
  const asked: unknown[] = []
  const parameters = {
    properties: { size: { type: 'integer' }, packages: { type: 'array', items: { type: 'string' } } },
  }
  const change = { parameter: 'size', from: 1, to: 2 }
  outside.answerCall = ({ path, body }) => {
    if (path.startsWith('/api/v2/plans/')) return { parameters }
    asked.push(body)
    const preview = { name: 'pool', phase: 'update', first: [], changes: [change], steps: [], undone: [] }
    return (body as { preview?: boolean }).preview === true ? preview : { id: 7, state: 'waiting' }
  }
  const state = (word: string) => JSON.stringify({ id: 7, plan: 'pool', instance: '', phase: 'update', state: word })
  outside.answerEvents = () => [
    { event: 'state', id: '', data: state('running') },
    { event: 'output', id: '1-1', data: JSON.stringify({ step: 'one', line: 'made' }) },
    { event: 'state', id: '1-1', data: state('failed') },
    { event: 'end', id: '1-1', data: '{}' },
  ]
  const words = ['order', 'update', 'pool', '--account', 'alice', '--specs', 'size=2', '--param', 'packages=a;b']
  expect(await cli(...words, '--preview')).toBe(0)
  expect(outside.printed().out).toContain('  size  1  →  2')
  expect(await cli(...words)).toBe(1)
  const { out, err } = outside.printed()
  expect(out.split('\n')).toEqual([
    'command 7: update pool running',
    '  one: made',
    'command 7: update pool failed',
    '',
  ])
  expect(err).toContain('command 7 failed')
  expect(await cli('order', 'remove', 'pool')).toBe(2)
  expect(outside.printed().err).toContain('nothing was ordered')
  expect(asked.at(-1)).toEqual({
    plan: 'pool',
    phase: 'update',
    account: 'alice',
    params: { size: 2, packages: ['a', 'b'] },
  })
})

test('parameters of an order come as words, in one text or one by one, and no two say different things', async () => {
  await cli('up')
  const parameters = { properties: { size: { type: 'integer' }, label: { type: 'string' } } }
  const asked: unknown[] = []
  outside.answerCall = ({ path, body }) => {
    if (path.startsWith('/api/v2/plans/')) return { parameters }
    asked.push((body as { params: unknown }).params)
    return { id: 7, state: 'waiting' }
  }
  const order = async (...words: string[]) => {
    outside.printed()
    const code = await cli('order', 'add', 'pool', '--no-wait', ...words)
    return [code, outside.printed().err.trim()]
  }
  await order('size=2', '--param', 'label=a,b')
  await order('--specs', 'size=2', 'label=a,b')
  expect(asked).toEqual([
    { size: 2, label: 'a,b' },
    { size: 2, label: 'a,b' },
  ])
  const refused: [words: string[], says: string][] = [
    [['size'], 'parameter "size" must be key=value'],
    [['=2'], 'parameter "=2" must be key=value'],
    [['size=2', 'size=3'], 'parameter "size=3" gives size a second time'],
    [['--specs', 'size=2', '--param', 'size=3'], 'parameter "size=3" gives size a second time'],
    [['--specs', 'size=2,size=3'], 'params.size "3" is given twice'],
  ]
  for (const [words, says] of refused) expect(await order(...words), words.join(' ')).toEqual([2, `cloudmgr: ${says}`])
  expect(asked).toHaveLength(2)
})

test('commands of the service are listed, shown and changed', async () => {
  await cli('up')
  outside.printed()
  const command = { id: 7, plan: 'pool', instance: 'gpu', phase: 'install', state: 'failed', requestedBy: 'alice' }
  const steps = [{ step: 'one', state: 'failed', does: 'ensure', durationMs: 1200, message: 'no', output: ['tried'] }]
  const asked: string[] = []
  outside.answerCall = ({ method = 'GET', path }) => {
    asked.push(`${method} ${path}`)
    return path.includes('?') ? { commands: [command] } : { ...command, steps, undoes: ['one'] }
  }
  expect(await cli('command', 'list', '--only', 'failed')).toBe(0)
  expect(outside.printed().out).toContain('7   pool gpu  install  failed')
  expect(await cli('command', 'show', '7')).toBe(0)
  const { out } = outside.printed()
  for (const text of ['+ one: failed (1.2 s), no', '    tried', 'undo takes back: one']) expect(out).toContain(text)
  expect(await cli('command', 'undo', '7')).toBe(0)
  expect(asked.at(-1)).toBe('POST /api/v2/commands/7/undo')
})
