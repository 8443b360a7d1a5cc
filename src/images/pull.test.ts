import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parsePin, type Pin, readPins } from './pins.ts'
import { pullImage, whyUnreachable } from './pull.ts'
import { findDigest } from './registry.ts'

/** A registry in memory, of the parts of its API that clients use. */
interface Registry {
  readonly address: string
  /** By path below `/v2/`. */
  readonly things: Map<string, { content: Buffer; type: string }>
  readonly asked: string[]
  /** Wants a token from whoever reads. */
  token: string | undefined
  /** Bytes that are sent of a thing before the connection ends. */
  cutAt: Map<string, number>
  close(): Promise<void>
}

const sum = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`

async function startRegistry(): Promise<Registry> {
  const things: Registry['things'] = new Map()
  const registry = {
    things,
    asked: [] as string[],
    token: undefined as string | undefined,
    cutAt: new Map<string, number>(),
  }
  const server: Server = createServer((request, response) => void answer(registry, request, response))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return Object.assign(registry, { address, close })
}

async function answer(
  registry: Pick<Registry, 'things' | 'asked' | 'token' | 'cutAt'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '', `http://${request.headers.host}`)
  const path = url.pathname.replace(/^\/v2\//, '')
  registry.asked.push(`${request.method} ${path}`)
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const content = Buffer.concat(chunks)
  if (url.pathname === '/token') return void response.end(JSON.stringify({ token: registry.token }))
  if (registry.token !== undefined && request.headers.authorization !== `Bearer ${registry.token}`) {
    const challenge = `Bearer realm="http://${request.headers.host}/token",service="test"`
    return void response.writeHead(401, { 'www-authenticate': challenge }).end()
  }
  if (request.method === 'POST') return void response.writeHead(202, { location: `/v2/${path}one?state=x` }).end()
  if (request.method === 'PUT') {
    const [repository = ''] = path.split(/\/(?:blobs|manifests)\//)
    const type = request.headers['content-type'] ?? ''
    const digest = url.searchParams.get('digest')
    if (digest === null) {
      registry.things.set(path, { content, type })
      registry.things.set(`${repository}/manifests/${sum(content)}`, { content, type })
    } else if (digest === sum(content)) registry.things.set(`${repository}/blobs/${digest}`, { content, type })
    else return void response.writeHead(400).end()
    return void response.writeHead(201).end()
  }
  const found = registry.things.get(path)
  if (path !== '' && found === undefined) return void response.writeHead(404).end()
  const { content: body, type } = found ?? { content: Buffer.from('{}'), type: 'application/json' }
  response.writeHead(200, { 'content-type': type, 'content-length': body.length, 'docker-content-digest': sum(body) })
  const cut = registry.cutAt.get(path)
  if (cut === undefined || request.method === 'HEAD')
    return void response.end(request.method === 'HEAD' ? undefined : body)
  response.write(body.subarray(0, cut), () => response.destroy())
}

const ociManifest = 'application/vnd.oci.image.manifest.v1+json'
const ociIndex = 'application/vnd.oci.image.index.v1+json'

/** An image of two layers for this machine, and an index that names it beside another machine's. */
function publish({ things }: Registry): { index: string; manifest: string; layer: string } {
  const blob = (text: string) => {
    const content = Buffer.from(text)
    things.set(`library/mongo/blobs/${sum(content)}`, { content, type: 'application/octet-stream' })
    return { digest: sum(content), size: content.length }
  }
  const put = (type: string, value: object) => {
    const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...value }))
    things.set(`library/mongo/manifests/${sum(content)}`, { content, type })
    return { digest: sum(content), size: content.length }
  }
  const layer = blob('the upper layer')
  const manifest = put(ociManifest, { config: blob('{"config":1}'), layers: [blob('the lower layer'), layer] })
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const index = put(ociIndex, {
    manifests: [
      { ...manifest, digest: `sha256:${'0'.repeat(64)}`, platform: { os: 'linux', architecture: 's390x' } },
      { ...manifest, platform: { os: 'linux', architecture } },
    ],
  })
  return { index: index.digest, manifest: manifest.digest, layer: layer.digest }
}

let source: Registry
let site: Registry
let published: ReturnType<typeof publish>

beforeEach(async () => {
  ;[source, site] = await Promise.all([startRegistry(), startRegistry()])
  published = publish(source)
})
afterEach(async () => void (await Promise.all([source.close(), site.close()])))

const pin = (digest = published.index): Pin => ({ registry: source.address, repository: 'library/mongo', digest })
const pull = async (from: Pin) =>
  await pullImage(from, { registry: site.address, name: 'mongodb', tag: 'pinned-1', output: () => {} })

test('an image is copied as it is, by the digest that was pinned', async () => {
  expect(await pull(pin())).toBe(published.manifest)
  expect(await findDigest(site.address, 'mongodb', 'pinned-1')).toBe(published.manifest)
  expect([...site.things.keys()].filter((path) => path.includes('/blobs/'))).toHaveLength(3)
  // What is there already is not pulled again.
  const before = source.asked.length
  await pull(pin(published.manifest))
  expect(source.asked.slice(before).filter((call) => call.includes('/blobs/'))).toEqual([])
})

test('a registry that wants a token from everybody gets one', async () => {
  source.token = 'forAnybody'
  expect(await pull(pin())).toBe(published.manifest)
})

const refusals: { why: string; spoil: () => void; code: string }[] = [
  {
    why: 'another manifest than the pinned one',
    spoil: () => {
      const path = `library/mongo/manifests/${published.index}`
      source.things.set(path, { content: Buffer.from('{"schemaVersion":2}'), type: ociIndex })
    },
    code: 'image-digest',
  },
  {
    why: 'a layer with another content',
    spoil: () => {
      const path = `library/mongo/blobs/${published.layer}`
      source.things.set(path, { content: Buffer.from('the upper layeR'), type: '' })
    },
    code: 'image-digest',
  },
  {
    why: 'a layer that breaks off',
    spoil: () => void source.cutAt.set(`library/mongo/blobs/${published.layer}`, 5),
    code: 'image-pull',
  },
  {
    why: 'a layer that is missing',
    spoil: () => void source.things.delete(`library/mongo/blobs/${published.layer}`),
    code: 'image-pull',
  },
]

for (const { why, spoil, code } of refusals) {
  test(`refused, and nothing gets a name: ${why}`, async () => {
    spoil()
    await expect(pull(pin())).rejects.toMatchObject({ code })
    expect(await findDigest(site.address, 'mongodb', 'pinned-1')).toBeUndefined()
  })
}

test('whether a registry answers is known in a moment', async () => {
  expect(await whyUnreachable(pin())).toBeUndefined()
  const began = Date.now()
  expect(await whyUnreachable({ ...pin(), registry: '127.0.0.1:9' })).toContain('127.0.0.1:9')
  expect(Date.now() - began).toBeLessThan(5_000)
})

test('pins are digests; everything else is refused with what is right', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  expect(parsePin(`docker.io/library/mongo:7@${digest}`)).toEqual({
    registry: 'registry-1.docker.io',
    repository: 'library/mongo',
    digest,
  })
  expect(parsePin(`registry.example.org:5000/om/mysql@${digest}`)?.registry).toBe('registry.example.org:5000')
  for (const text of ['mongo:7', `mongo@${digest}`, 'docker.io/library/mongo:7', `docker.io/Mongo@${digest}`])
    expect(parsePin(text)).toBeUndefined()
  const folder = mkdtempSync(join(tmpdir(), 'pins-'))
  try {
    const file = join(folder, 'pins.yml')
    writeFileSync(file, '# nothing\n')
    expect(readPins(file)).toEqual({})
    writeFileSync(file, 'mongodb: docker.io/library/mongo:7\n')
    expect(() => readPins(file)).toThrow(/mongodb is "docker.io\/library\/mongo:7"; right is host\/repository@sha256/)
    writeFileSync(file, `mongo: docker.io/library/mongo@${digest}\n`)
    expect(() => readPins(file)).toThrow(/there is no image mongo; there are debian/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
