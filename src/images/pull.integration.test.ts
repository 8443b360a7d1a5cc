import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type ImageRegistry,
  registryLogin,
  type RegistryWishes,
  startImageRegistry,
} from '../../test/support/image-registry.ts'
import { explain } from '../base/errors.ts'
import { pullImage, whyUnreachable } from './pull.ts'
import { checkPush, findDigest, type RegistryAccess } from './registry.ts'

const registries: ImageRegistry[] = []
let source: ImageRegistry
let site: ImageRegistry

beforeAll(async () => {
  ;[source, site] = await Promise.all([start(), start()])
})
afterAll(async () => {
  for (const registry of registries) await registry.stop()
})

async function start(wishes: RegistryWishes = {}): Promise<ImageRegistry> {
  const registry = await startImageRegistry(wishes)
  registries.push(registry)
  return registry
}

const sum = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`

async function push(content: Buffer): Promise<{ digest: string; size: number; mediaType: string }> {
  const begun = await fetch(`http://${source.address}/v2/mongo/blobs/uploads/`, { method: 'POST' })
  const url = new URL(begun.headers.get('location') ?? '', `http://${source.address}`)
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
  expect((await fetch(`http://${source.address}/v2/mongo/manifests/latest`, request)).status).toBe(201)
  return { digest: sum(manifest), layer: layer.digest }
}

const pull = async (digest: string, tag: string, to = site, access: RegistryAccess = {}) =>
  await pullImage(
    { registry: source.address, repository: 'mongo', digest },
    { registry: `${to.address}/team`, access, name: 'mongodb', tag, output: () => {} },
  )

test('between real registries an image keeps its digest, and is refused when a layer is not what it was', async () => {
  const good = await publish('layer')
  expect(await pull(good.digest, 'good')).toBe(good.digest)
  expect(await findDigest(`${site.address}/team`, 'mongodb', 'good')).toBe(good.digest)

  const spoilt = await publish('other')
  const hex = spoilt.layer.slice('sha256:'.length)
  const file = join(source.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
  writeFileSync(file, 'othEr'.repeat(100_000))
  await expect(pull(spoilt.digest, 'spoilt')).rejects.toMatchObject({ code: 'image-digest' })
  expect(await findDigest(`${site.address}/team`, 'mongodb', 'spoilt')).toBeUndefined()
})

test('a registry with TLS and a password takes an image of who has both, and says to others what is wrong', async () => {
  const { digest } = await publish('closed')
  const closed = await start({ tls: true, auth: 'password' })
  const access = { login: registryLogin, ca: closed.ca }
  await checkPush(`${closed.address}/team`, 'mongodb', access)
  expect(await pull(digest, 'closed', closed, access)).toBe(digest)
  expect(await findDigest(`${closed.address}/team`, 'mongodb', 'closed', access)).toBe(digest)
  // What lies there is fetched by the same login.
  const own = { registry: closed.address, repository: 'team/mongodb', digest }
  expect(await whyUnreachable(own, { access })).toBeUndefined()
  const again = { registry: closed.address, access, name: 'copy', tag: 'one', output: () => {} }
  expect(await pullImage(own, again)).toBe(digest)

  const wrong: { access: RegistryAccess; kind: string; field: string; message: RegExp }[] = [
    { access: { login: registryLogin }, kind: 'conflict', field: 'images.ca', message: /authority that is not known/ },
    { access: { ca: closed.ca }, kind: 'unauthenticated', field: 'images.password', message: /nobody signed in/ },
    {
      access: { ca: closed.ca, login: { ...registryLogin, password: 'not-this-one' } },
      kind: 'unauthenticated',
      field: 'images.password',
      message: /a valid password of images.username \(pusher\)/,
    },
  ]
  for (const { access: by, kind, field, message } of wrong) {
    const refused = await findDigest(closed.address, 'mongodb', 'closed', by).catch((error: unknown) => error)
    expect(refused).toMatchObject({ kind, details: { field }, message: expect.stringMatching(message) as string })
    expect(explain(refused)).not.toMatch(/not-this-one|of-the-registry/)
  }
  expect(closed.log()).not.toMatch(/not-this-one|of-the-registry/)
})

test('who may pull and not push hears so before anything is pushed', async () => {
  const closed = await start({ tls: true, auth: 'pull-only' })
  const access = { login: registryLogin, ca: closed.ca }
  expect(await findDigest(closed.address, 'mongodb', 'closed', access)).toBeUndefined()
  const refused = { kind: 'forbidden', code: 'registry-refused', details: { field: 'images.username' } }
  await expect(checkPush(closed.address, 'mongodb', access)).rejects.toMatchObject(refused)
  const { digest } = await publish('no right')
  await expect(pull(digest, 'closed', closed, access)).rejects.toMatchObject(refused)
})
