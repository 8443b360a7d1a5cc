import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { toolsNamed, type ToolName } from './catalogue.ts'
import { ensureTools } from './ensure.ts'
import type { ToolEvent } from './events.ts'
import { releaseOf, releaseSource, sumIn } from './releases.ts'

/** A `go` that makes scripts, so that it shows what was built. */
const fakeGo = `#!/bin/sh
case "$1" in
version) echo 'go version go1.26.8 linux/amd64'; exit 0 ;;
env) printf '%s\\n%s\\n' "$HERE/objects" "$HERE/modules"; exit 0 ;;
esac
while [ "$1" != -o ]; do shift; done
into=$2; shift 2
for package; do name=\${package##*/}; [ "$name" = v3 ] && name=server; echo "built here" >"$into$name"; done
`

const says: Partial<Record<ToolName, string>> = {
  etcd: 'etcd Version: 3.7.3',
  'kube-apiserver': 'Kubernetes v1.37.2',
  containerd: 'containerd github.com/containerd/containerd/v2 v2.4.2 abc',
  ctr: 'ctr github.com/containerd/containerd/v2 v2.4.2',
  tofu: 'OpenTofu v1.12.6',
  helm: 'v4.3.1',
}
const offered = Object.keys(says) as ToolName[]

let here: string
let mirror: Server
let url: string
let events: ToolEvent[]
/** What a server does instead of sending a file as it is. */
let spoil: (path: string, content: Buffer) => { content: Buffer; announced?: number; status?: number }
let asked: string[]

beforeEach(async () => {
  here = await mkdtemp(join(tmpdir(), 'releases-test-'))
  events = []
  asked = []
  spoil = (_path, content) => ({ content })
  await mkdir(join(here, 'path'))
  await symlink(resolve(import.meta.dirname, '../../tools'), join(here, 'tools'))
  await writeFile(join(here, 'path/go'), fakeGo.replaceAll('$HERE', here), { mode: 0o755 })
  await publish()
  mirror = createServer((request, response) => {
    void serve(request, response)
  })
  await new Promise<void>((done) => mirror.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`
})

afterEach(async () => {
  mirror.closeAllConnections()
  await new Promise((done) => mirror.close(done))
  await rm(here, { recursive: true, force: true })
})

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, content, announced } = await answer(request.url ?? '', request.method ?? '')
  response.writeHead(status, { 'content-length': announced ?? content.length })
  if (request.method === 'HEAD') return void response.end()
  if (announced === undefined) return void response.end(content)
  response.write(content, () => response.destroy())
}

async function answer(path: string, method: string): Promise<{ status: number; content: Buffer; announced?: number }> {
  asked.push(`${method} ${path}`)
  const content = await readFile(join(here, 'www', path)).catch(() => undefined)
  if (content === undefined) return { status: 404, content: Buffer.from('not here') }
  return { status: 200, ...spoil(path, content) }
}

/** The publishers' layout, each with its own way to write checksums. */
async function publish(): Promise<void> {
  for (const file of new Set(toolsNamed(offered).map((tool) => releaseOf(tool)?.file ?? ''))) {
    const members = toolsNamed(offered).filter((tool) => releaseOf(tool)?.file === file)
    const target = join(here, 'www', file)
    await mkdir(dirname(target), { recursive: true })
    const content = join(here, 'content')
    await rm(content, { recursive: true, force: true })
    for (const tool of members) {
      const place = join(content, releaseOf(tool)?.member ?? 'program')
      await mkdir(dirname(place), { recursive: true })
      await writeFile(place, `#!/bin/sh\necho '${says[tool.name as ToolName]}'\n`)
      await chmod(place, 0o755)
    }
    const names = members.map((tool) => releaseOf(tool)?.member ?? '')
    if (file.endsWith('.tar.gz')) execFileSync('tar', ['-czf', target, '-C', content, ...names])
    else await writeFile(target, await readFile(join(content, 'program')))
    const sum = createHash('sha256')
      .update(await readFile(target))
      .digest('hex')
    const name = file.split('/').at(-1)
    const text = name === 'kube-apiserver' ? sum : `${'0'.repeat(64)}  another-file.tar.gz\n${sum}  ${name}\n`
    await writeFile(join(here, 'www', releaseOf(members[0]!)?.checksums ?? ''), text)
  }
}

function ensure<Name extends ToolName>(names: readonly Name[], releases = url) {
  const path = `${join(here, 'path')}:/usr/bin:/bin`
  const onProgress = (event: ToolEvent) => events.push(event)
  return ensureTools(names, { cacheDir: join(here, 'cache'), projectFolder: here, path, onProgress, releases })
}

const kinds = () => events.map(({ kind }) => kind)
const contentOf = async (path: string) => await readFile(path, 'utf8')

test('what publishers offer is taken from them, checked and noted; the rest is built', async () => {
  const { paths } = await ensure([...offered, 'pause'])
  for (const name of offered) expect(await contentOf(paths[name as 'pause'])).toContain(says[name])
  expect(await contentOf(paths.pause)).toBe('built here\n')
  const fetched = events.filter((event) => event.kind === 'fetched')
  expect(fetched.map(({ tools }) => tools.join('+'))).toContain('containerd+ctr')
  const [entry = ''] = await readdir(join(here, 'cache/tools/etcd'))
  const manifest = JSON.parse(await contentOf(join(here, 'cache/tools/etcd', entry, 'manifest.json'))) as object
  const of = fetched.find(({ tools }) => tools.includes('etcd'))
  expect(manifest).toMatchObject({ from: { url: of?.url, sha256: of?.sha256 } })

  // The cache comes first: nobody is asked again.
  const before = asked.length
  expect((await ensure([...offered, 'pause'])).paths).toEqual(paths)
  expect(asked).toHaveLength(before)
})

const refusals: { why: string; path: RegExp; spoilt: typeof spoil; reason: RegExp }[] = [
  {
    why: 'another content than the checksum says',
    path: /etcd-v3/,
    spoilt: (_path, content) => ({ content: Buffer.concat([content, Buffer.from('x')]) }),
    reason: /is not what its publisher's checksum says: it has [0-9a-f]{64}, right is [0-9a-f]{64}/,
  },
  {
    why: 'a download that ends in the middle',
    path: /etcd-v3/,
    spoilt: (_path, content) => ({ content: content.subarray(0, 20), announced: content.length }),
    reason: /broke off after/,
  },
  {
    why: 'a checksum file that does not name the file',
    path: /SHA256SUMS/,
    spoilt: () => ({ content: Buffer.from(`${'a'.repeat(64)}  something-else.tar.gz\n`) }),
    reason: /names no sum of etcd-v3.7.3-linux-/,
  },
  {
    why: 'no checksum file',
    path: /SHA256SUMS/,
    spoilt: () => ({ content: Buffer.from(''), status: 404 }),
    reason: /the checksum file .* answers 404/,
  },
]

for (const { why, path, spoilt, reason } of refusals) {
  test(`refused, said, and built instead: ${why}`, async () => {
    spoil = (asked, content) => (path.test(asked) ? spoilt(asked, content) : { content })
    const { paths } = await ensure(['etcd', 'helm'])
    expect(await contentOf(paths.etcd)).toBe('built here\n')
    expect(await contentOf(paths.helm)).toContain('v4.3.1')
    const refused = events.find((event) => event.kind === 'refused')
    expect(refused).toMatchObject({ tools: ['etcd'], reason: expect.stringMatching(reason) })
    expect((await readdir(join(here, 'cache'))).filter((name) => name.startsWith('.building'))).toEqual([])
  })
}

test('a program that says another version than its archive is refused', async () => {
  says.helm = 'v4.3.0'
  await publish()
  says.helm = 'v4.3.1'
  const { paths } = await ensure(['helm'])
  expect(await contentOf(paths.helm)).toBe('built here\n')
  expect(events).toContainEqual(expect.objectContaining({ kind: 'refused', reason: expect.stringContaining('v4.3.0') }))
})

test('a release whose sum changed since it was taken is refused', async () => {
  await ensure(['helm'])
  await rm(join(here, 'cache/tools'), { recursive: true })
  says.helm = 'v4.3.1\nand more'
  await publish()
  says.helm = 'v4.3.1'
  const { paths } = await ensure(['helm'])
  expect(await contentOf(paths.helm)).toBe('built here\n')
  expect(events).toContainEqual(
    expect.objectContaining({ kind: 'refused', reason: expect.stringContaining('a release never changes') }),
  )
})

test('a mirror that is not there is said in a moment, and everything is built', async () => {
  const began = Date.now()
  const { paths } = await ensure(['etcd', 'kube-apiserver'], 'http://127.0.0.1:9')
  expect(await contentOf(paths.etcd)).toBe('built here\n')
  expect(kinds()).toContain('no-releases')
  expect(Date.now() - began).toBeLessThan(10_000)
})

test('releases can be switched off; a value that is neither is refused', async () => {
  await ensure(['etcd'], 'off')
  expect(asked).toEqual([])
  expect(kinds()).not.toContain('no-releases')
  await expect(ensure(['etcd'], 'yes please')).rejects.toMatchObject({ kind: 'invalid', code: 'releases' })
})

test('checksum files are read in the ways that publishers write them', () => {
  const sum = 'ab'.repeat(32)
  expect(sumIn(sum, 'dl.k8s.io/v1/kubelet')).toBe(sum)
  expect(sumIn(`${sum}  ./x.tar.gz\n`, 'example.org/x.tar.gz')).toBe(sum)
  expect(sumIn(`${sum} *x.tar.gz`, 'example.org/x.tar.gz')).toBe(sum)
  expect(sumIn(`${sum}  y.tar.gz`, 'example.org/x.tar.gz')).toBeUndefined()
  expect(sumIn('<html>not found</html>', 'example.org/x.tar.gz')).toBeUndefined()
  expect(releaseSource('https://mirror.example.org/r/')).toEqual({
    kind: 'mirror',
    url: 'https://mirror.example.org/r',
  })
})
