import { execFileSync } from 'node:child_process'
import { appendFile, cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { globSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { registryLogin, startImageRegistry } from '../../test/support/image-registry.ts'
import { freePort } from '../../test/support/programs.ts'
import { type BuildOptions, buildImage } from './build.ts'
import { runProgram } from './process.ts'

vi.mock('./process.ts', { spy: true })

let folder: string
let registry: string
let other: string
const stops: (() => Promise<void>)[] = []

async function startRegistry(): Promise<string> {
  const { address, stop } = await startImageRegistry()
  stops.push(stop)
  return address
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloudmgr-images-'))
  await cp(resolve('images'), join(folder, 'project', 'images'), { recursive: true })
  registry = await startRegistry()
  other = await startRegistry()
})

afterAll(async () => {
  for (const stop of stops) await stop()
  await rm(folder, { recursive: true, force: true })
})

const options = (more: Partial<BuildOptions> = {}): BuildOptions => ({
  project: join(folder, 'project'),
  cache: join(folder, 'cache'),
  registry,
  ...more,
})
const containerfile = () => join(folder, 'project', 'images', 'nginx', 'Containerfile')

test('two at once build an image once, and again only when its inputs change', { timeout: 300_000 }, async () => {
  const [one, two] = await Promise.all([buildImage('nginx', options()), buildImage('nginx', options())])
  expect([one.done, two.done].toSorted()).toEqual(['already as wanted', 'built'])
  expect(two.digest).toBe(one.digest)
  expect(await buildImage('nginx', options())).toEqual({ ...one, done: 'already as wanted' })
  expect(await buildImage('nginx', options({ registry: other }))).toMatchObject({ tag: one.tag, done: 'pushed' })

  await appendFile(join(folder, 'project', 'images', 'nginx', 'nginx.conf'), '# changed\n')
  const changed = await buildImage('nginx', options())
  expect(changed.done).toBe('built')
  expect(changed.tag).not.toBe(one.tag)
})

test('a packed layer that was cut off or changed on the disk is packed anew', { timeout: 300_000 }, async () => {
  const blobs = join(folder, 'cache', 'images', 'packed', 'blobs', 'sha256')
  const sizes = await Promise.all(
    (await readdir(blobs)).map(async (name) => [name, (await stat(join(blobs, name))).size]),
  )
  const [largest = ''] = sizes.toSorted(([, one], [, other]) => Number(other) - Number(one))[0] ?? []
  const path = join(blobs, String(largest))
  const good = await readFile(path)

  await truncate(path, 1000)
  const third = await startRegistry()
  const pushed = await buildImage('nginx', options({ registry: third }))
  expect(pushed.done).toBe('pushed')
  expect((await readFile(path)).equals(good)).toBe(true)

  good[0] = (good[0] ?? 0) ^ 1
  await writeFile(path, good)
  const fourth = options({ registry: await startRegistry() })
  await expect(buildImage('nginx', fourth)).rejects.toMatchObject({ kind: 'unavailable', code: 'image-damaged' })
  expect(await buildImage('nginx', fourth)).toMatchObject({ digest: pushed.digest, done: 'pushed' })
})

test('a registry with TLS and a password gets what was built, and the password is in no argument', async () => {
  const closed = await startImageRegistry({ tls: true, auth: 'password' })
  stops.push(closed.stop)
  const lines: string[] = []
  const access = { login: registryLogin, ca: closed.ca }
  const registered = { registry: `${closed.address}/team`, access, output: (line: string) => lines.push(line) }
  expect(await buildImage('nginx', options(registered))).toMatchObject({ done: 'pushed' })
  expect(await buildImage('nginx', options(registered))).toMatchObject({ done: 'already as wanted' })
  expect(lines.join('\n')).not.toContain(registryLogin.password)
  const words = vi.mocked(runProgram).mock.calls.flatMap(([, args]) => args)
  expect(words.join(' ')).not.toContain(registryLogin.password)

  // Nothing is built for a registry that won't take it.
  const readOnly = await startImageRegistry({ tls: true, auth: 'pull-only' })
  stops.push(readOnly.stop)
  const refused = options({ registry: readOnly.address, access: { login: registryLogin, ca: readOnly.ca } })
  await expect(buildImage('nginx', refused)).rejects.toMatchObject({ kind: 'forbidden', code: 'registry-refused' })
})

test('a step that fails is named with what it said', async () => {
  const good = await readFile(containerfile(), 'utf8')
  await writeFile(containerfile(), good.replace('RUN ', 'RUN echo the reason >&2 && false && '))
  await expect(buildImage('nginx', options())).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'image-failed',
    message: expect.stringMatching(/building image nginx.*STEP 2.*the reason/) as string,
  })
  await writeFile(containerfile(), good)
})

test('an aborted build leaves no process and no mount, and the next one works', async () => {
  const good = await readFile(containerfile(), 'utf8')
  await writeFile(containerfile(), good.replace('RUN ', 'RUN echo sleeping && sleep 86399 && '))
  const stop = new AbortController()
  const output = (line: string) => {
    if (line === 'sleeping') stop.abort(new Error('stopped'))
  }
  await expect(buildImage('nginx', options({ signal: stop.signal, output }))).rejects.toThrow('stopped')
  expect((await runProgram('pgrep', ['-f', '^sleep 86399'])).stdout).toBe('')
  expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(folder)
  await writeFile(containerfile(), good)
  expect((await buildImage('nginx', options())).done).toBe('already as wanted')
})

test('a layer that was changed on the disk is noticed, and made anew', { timeout: 300_000 }, async () => {
  const { tag } = await buildImage('nginx', options())
  const layers = join(folder, 'cache', 'images', 'storage', 'overlay')
  const files = globSync('*/diff/etc/nginx/nginx.conf', { cwd: layers })
  expect(files).not.toEqual([])
  for (const file of files) await appendFile(join(layers, file), '# spoilt\n')
  // What is packed does not need the storage any more.
  const unharmed = options({ registry: await startRegistry() })
  expect(await buildImage('nginx', unharmed)).toMatchObject({ tag, done: 'pushed' })
  await rm(join(folder, 'cache', 'images', 'packed'), { recursive: true })
  const another = options({ registry: await startRegistry() })
  expect(await buildImage('nginx', another)).toMatchObject({ tag, done: 'built' })
})

test('a registry that does not answer is unavailable', async () => {
  const dead = buildImage('nginx', options({ registry: `127.0.0.1:${await freePort()}` }))
  await expect(dead).rejects.toMatchObject({ kind: 'unavailable', code: 'registry-unreachable' })
})

test("JupyterHub takes an account's settings by an allow-list", () => {
  execFileSync('python3', ['-B', '-m', 'unittest', 'test_settings'], {
    cwd: resolve('images/jupyterhub'),
    stdio: 'pipe',
  })
})
