import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { allTools, type ToolName } from './catalogue.ts'
import { type EnsureOptions, ensureTools } from './ensure.ts'
import type { ToolEvent } from './events.ts'

/** A `go` that makes scripts instead of programs, and writes down how it was called. */
const fakeGo = `#!/bin/sh
case "$1" in
version) echo 'go version go1.26.8 linux/amd64'; exit 0 ;;
env) printf '%s\\n%s\\n' "$HERE/objects" "$HERE/modules"; exit 0 ;;
mod) printf '{"Dir": "%s/module"}' "$HERE"; exit 0 ;;
esac
echo "$*" >>"$HERE/calls"
while [ "$1" != -o ]; do shift; done
into=$2; shift 2
for package; do
  name=\${package##*/}; [ "$name" = v3 ] && name=server
  if [ -f "$HERE/slow" ]; then : >"$HERE/started"; while [ -f "$HERE/slow" ]; do sleep 0.05; done; fi
  if [ -f "$HERE/fail-$name" ]; then echo "$package" >&2; echo "# $package" >&2; echo "main.go:7:2: undefined: answer" >&2; failed=1; continue; fi
  echo "program $package" >"$into$name"
done
exit \${failed:-0}
`

let here: string
let bin: string
let events: ToolEvent[]

beforeEach(async () => {
  here = await mkdtemp(join(tmpdir(), 'tools-test-'))
  bin = join(here, 'path')
  events = []
  await mkdir(join(here, 'module/manifests'), { recursive: true })
  await writeFile(join(here, 'module/manifests/crds.yaml'), 'kind: CustomResourceDefinition')
  await mkdir(bin)
  await symlink(resolve(import.meta.dirname, '../../tools'), join(here, 'tools'))
  await program('go', fakeGo.replaceAll('$HERE', here))
})

afterEach(() => rm(here, { recursive: true, force: true }))

async function program(name: string, text: string): Promise<void> {
  await writeFile(join(bin, name), text)
  await chmod(join(bin, name), 0o755)
}

function ensure<Name extends ToolName>(names: readonly Name[], options: EnsureOptions = {}) {
  const path = `${bin}:/usr/bin:/bin`
  const onProgress = (event: ToolEvent) => events.push(event)
  return ensureTools(names, {
    cacheDir: join(here, 'cache'),
    projectFolder: here,
    path,
    onProgress,
    releases: 'off',
    ...options,
  })
}

async function builds(): Promise<number> {
  const text = await readFile(join(here, 'calls'), 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '').length
}

function kinds(): string[] {
  return events.map(({ kind }) => kind)
}

test('everything in the catalogue is built once, in one folder, under its own name', async () => {
  const tools = await ensure(allTools)
  for (const name of allTools) expect(tools.paths[name]).toBe(join(tools.bin, name))
  expect(await readFile(tools.paths.etcd, 'utf8')).toContain('go.etcd.io/etcd/server/v3')
  expect(await readFile(tools.paths['calico-crds.yaml'], 'utf8')).toContain('CustomResourceDefinition')
  expect((await stat(tools.paths.kubelet)).mode & 0o111).not.toBe(0)
  const calls = await builds()
  const again = await ensure(allTools)
  expect(again).toEqual(tools)
  expect(await builds()).toBe(calls)
})

test('progress names each program, counts to the total and starts with the control plane', async () => {
  await ensure(allTools)
  const built = events.filter((event) => event.kind === 'built')
  expect(built.map(({ index }) => index)).toEqual(allTools.map((_, index) => index + 1))
  expect(built[0]?.tool).toBe('etcd')
  expect(built.at(-1)).toMatchObject({ total: allTools.length, restSeconds: 0 })
})

const damages: { why: string; damage: (path: string) => Promise<void> }[] = [
  { why: 'a program whose content changed is built again', damage: (path) => writeFile(path, 'program ./cmd/pausE\n') },
  { why: 'a program that was cut off is built again', damage: (path) => truncate(path, 3) },
  { why: 'a program that was removed is built again', damage: (path) => rm(path) },
  {
    why: 'a program without its manifest was not written to its end',
    damage: (path) => rm(join(path, '../manifest.json')),
  },
  {
    why: 'a manifest that was cut off counts for nothing',
    damage: (path) => truncate(join(path, '../manifest.json'), 5),
  },
]

for (const { why, damage } of damages) {
  test(why, async () => {
    const before = await ensure(['pause'])
    const inCache = execFileSync('find', [join(here, 'cache/tools/pause'), '-name', 'pause', '-type', 'f'], {
      encoding: 'utf8',
    })
    await damage(inCache.trim())
    events = []
    const after = await ensure(['pause'])
    expect(kinds()).toContain('broken')
    expect(after.bin).toBe(before.bin)
    expect(await readFile(after.paths.pause, 'utf8')).toBe('program ./cmd/pause\n')
  })
}

test('a file that was only touched is believed after it was summed again', async () => {
  const { paths } = await ensure(['pause'])
  execFileSync('touch', ['-d', '2020-01-01', paths.pause])
  events = []
  await ensure(['pause'])
  expect(kinds()).not.toContain('broken')
  expect(await builds()).toBe(1)
})

test('two at once: one builds, the other waits, says for whom, and takes what was built', async () => {
  await writeFile(join(here, 'slow'), '')
  const first = ensure(['pause', 'coredns'])
  await expect.poll(() => stat(join(here, 'started')).catch(() => undefined)).toBeDefined()
  const second = ensure(['pause', 'coredns'])
  await expect.poll(() => kinds()).toContain('waiting')
  await rm(join(here, 'slow'))
  expect(await second).toEqual(await first)
  expect(await builds()).toBe(1)
})

test('a lock whose holder died is broken', async () => {
  await mkdir(join(here, 'cache'), { recursive: true })
  const dead = { pid: process.pid, identity: 'another boot', since: '', purpose: '', id: '' }
  await writeFile(join(here, 'cache/build.lock'), JSON.stringify(dead))
  await ensure(['pause'])
  expect(await builds()).toBe(1)
  expect(await stat(join(here, 'cache/build.lock')).catch(() => 'gone')).toBe('gone')
})

test('leftovers of an interrupted build are cleared away', async () => {
  await mkdir(join(here, 'cache/.building-1-own'), { recursive: true })
  await ensure(['pause'])
  expect(await stat(join(here, 'cache/.building-1-own')).catch(() => 'gone')).toBe('gone')
})

test('a build that fails names tool, command and the last words of the compiler; the others are kept', async () => {
  await writeFile(join(here, 'fail-coredns'), '')
  const failure = await ensure(['pause', 'coredns']).catch((error: unknown) => error)
  expect(failure).toMatchObject({ kind: 'unavailable', code: 'build-failed', details: { tools: ['coredns'] } })
  expect(String(failure)).toContain('undefined: answer')
  expect(String(failure)).toContain('go build')
  await rm(join(here, 'fail-coredns'))
  await ensure(['pause', 'coredns'])
  const calls = await readFile(join(here, 'calls'), 'utf8')
  expect(calls.trim().split('\n').at(-1)).not.toContain('./cmd/pause')
})

test('an interrupted build ends soon and leaves the cache usable', async () => {
  await writeFile(join(here, 'slow'), '')
  const stop = new AbortController()
  const running = ensure(['pause'], { signal: stop.signal })
  await expect.poll(() => stat(join(here, 'started')).catch(() => undefined)).toBeDefined()
  stop.abort(new Error('interrupted'))
  await expect(running).rejects.toThrow('interrupted')
  await rm(join(here, 'slow'))
  await ensure(['pause'])
})

const onPath: { why: string; text: string; taken: boolean }[] = [
  { why: 'the exact version on PATH is taken', text: 'echo Kubernetes v1.37.2', taken: true },
  { why: 'another patch version on PATH is not taken', text: 'echo Kubernetes v1.37.20', taken: false },
  { why: 'a pre-release on PATH is not taken', text: 'echo Kubernetes v1.37.2-rc.1', taken: false },
  { why: 'a program on PATH that fails is not taken', text: 'echo Kubernetes v1.37.2; exit 1', taken: false },
]

for (const { why, text, taken } of onPath) {
  test(why, async () => {
    await program('kubelet', `#!/bin/sh\n${text}\n`)
    const { paths } = await ensure(['kubelet'])
    expect((await readFile(paths.kubelet, 'utf8')).startsWith('#!/bin/sh')).toBe(taken)
    expect(await builds()).toBe(taken ? 0 : 1)
  })
}

test('our own programs are never taken from PATH', async () => {
  await program('pause', '#!/bin/sh\necho pause v0.1.0\n')
  await ensure(['pause'])
  expect(await builds()).toBe(1)
})
