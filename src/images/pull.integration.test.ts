import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { freePort, needProgram } from '../../test/support/programs.ts'
import { type ServerProcess, startServer, untilReady } from '../../test/support/server-process.ts'
import { pullImage } from './pull.ts'
import { findDigest } from './registry.ts'

const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-pull-'))
const servers: ServerProcess[] = []
let source: string
let site: string

beforeAll(async () => {
  ;[source, site] = await Promise.all([startRegistry('source'), startRegistry('site')])
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The registry that a site has. */
async function startRegistry(name: string): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`
  const file = join(folder, `${name}.yml`)
  const storage = { filesystem: { rootdirectory: join(folder, name) } }
  writeFileSync(file, stringify({ version: '0.1', log: { level: 'warn' }, storage, http: { addr: address } }))
  const log = join(folder, `${name}.log`)
  const env = { OTEL_TRACES_EXPORTER: 'none' }
  const server = startServer(needProgram('image-registry'), ['serve', file], { log, env })
  servers.push(server)
  await untilReady('image-registry', server, log, async () => (await fetch(`http://${address}/v2/`)).ok)
  return address
}

const sum = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`

async function push(content: Buffer): Promise<{ digest: string; size: number; mediaType: string }> {
  const begun = await fetch(`http://${source}/v2/mongo/blobs/uploads/`, { method: 'POST' })
  const url = new URL(begun.headers.get('location') ?? '', `http://${source}`)
  url.searchParams.set('digest', sum(content))
  expect((await fetch(url, { method: 'PUT', body: new Uint8Array(content) })).status).toBe(201)
  return { digest: sum(content), size: content.length, mediaType: 'application/vnd.oci.image.layer.v1.tar' }
}

async function publish(text: string): Promise<{ digest: string; layer: string }> {
  const config = { ...(await push(Buffer.from('{}'))), mediaType: 'application/vnd.oci.image.config.v1+json' }
  const layer = await push(Buffer.from(text.repeat(100_000)))
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, config, layers: [layer] }))
  const request = { method: 'PUT', headers: { 'content-type': type }, body: new Uint8Array(manifest) }
  expect((await fetch(`http://${source}/v2/mongo/manifests/latest`, request)).status).toBe(201)
  return { digest: sum(manifest), layer: layer.digest }
}

const pull = async (digest: string, tag: string) =>
  await pullImage(
    { registry: source, repository: 'mongo', digest },
    { registry: site, name: 'mongodb', tag, output: () => {} },
  )

test('between real registries an image keeps its digest, and is refused when a layer is not what it was', async () => {
  const good = await publish('layer')
  expect(await pull(good.digest, 'good')).toBe(good.digest)
  expect(await findDigest(site, 'mongodb', 'good')).toBe(good.digest)

  const spoilt = await publish('other')
  const hex = spoilt.layer.slice('sha256:'.length)
  const file = join(folder, 'source/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
  writeFileSync(file, 'othEr'.repeat(100_000))
  await expect(pull(spoilt.digest, 'spoilt')).rejects.toMatchObject({ code: 'image-digest' })
  expect(await findDigest(site, 'mongodb', 'spoilt')).toBeUndefined()
})
