import { createHash } from 'node:crypto'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ImageParts, pushImage } from '../../src/images/push.ts'
import { tar } from '../../src/local/oci.ts'
import { layOutDisk, prepareDisk } from '../../src/local/prepared-disk.ts'
import { linkBlobs } from '../../src/local/registry-blobs.ts'
import { type ImageRegistry, startImageRegistry } from '../support/image-registry.ts'
import { needProgram } from '../support/programs.ts'

/** The disk that machines of the local cloud begin with: real registry, real containerd. Hard links need one file system. */
let folder: string
let registry: ImageRegistry
let binDir: string

beforeAll(async () => {
  registry = await startImageRegistry()
  folder = mkdtempSync(join(dirname(registry.storage), 'disk-'))
  needProgram('ctr')
  binDir = dirname(needProgram('containerd'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await registry.stop()
})

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** An image of these layers, its blobs in files of `folder`. */
function imageOf(name: string, layers: readonly Readonly<Record<string, string>>[]): ImageParts {
  const blobs = join(folder, `blobs-${name}`)
  mkdirSync(blobs)
  const keep = (bytes: Buffer, mediaType: string) => {
    writeFileSync(join(blobs, digestOf(bytes).slice(7)), bytes)
    return { mediaType, digest: digestOf(bytes), size: bytes.length }
  }
  const bytes = layers.map((files) =>
    tar(Object.entries(files).map(([path, text]) => ({ name: path, content: Buffer.from(text) }))),
  )
  const media = 'application/vnd.oci.image'
  const rootfs = { type: 'layers', diff_ids: bytes.map(digestOf) }
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const config = keep(Buffer.from(JSON.stringify({ architecture, os: 'linux', rootfs })), `${media}.config.v1+json`)
  const kept = bytes.map((one) => keep(one, `${media}.layer.v1.tar`))
  const mediaType = `${media}.manifest.v1+json`
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: kept }))
  const read = async () => await Promise.reject(new Error('nothing of it is sent'))
  return { mediaType, manifest, digest: digestOf(manifest), parts: [config, ...kept], folder: blobs, read }
}

async function push(name: string, image: ImageParts): Promise<string> {
  const takeBlobs = async (repository: string, blobs: { folder: string; digests: readonly string[] }) =>
    linkBlobs(registry.storage, repository, { folder: blobs.folder, digests: [...blobs.digests] })
  const here = { ...image, read: async () => Buffer.alloc(0) }
  await pushImage(here, { registry: registry.address, name, tag: 'one', takeBlobs })
  return `${registry.address}/${name}@${image.digest}`
}

/** What is in the layers of a store: path and text of files, and folders that hide what is below them. */
function layersOf(store: string): string[] {
  const script = `
import os, sys
root = os.path.join(sys.argv[1], 'io.containerd.snapshotter.v1.overlayfs', 'snapshots')
for path, folders, files in os.walk(root):
    for one in folders:
        full = os.path.join(path, one)
        if 'trusted.overlay.opaque' in os.listxattr(full): print('hides', os.path.relpath(full, root).split('/', 2)[2])
    for one in files:
        full = os.path.join(path, one)
        print(os.path.relpath(full, root).split('/', 2)[2], open(full).read())
`
  return execFileSync('python3', ['-c', script, store], { encoding: 'utf8' }).trimEnd().split('\n').toSorted()
}

test('machines begin with the images of the disk, which is made anew when they are others', async () => {
  const first = await push('first', imageOf('first', [{ 'etc/a': '1' }, { 'etc/.wh..wh..opq': '', 'etc/b': '2' }]))
  const disk = join(folder, 'disk')
  const store = (machine: string) => join(folder, machine, 'containerd')
  for (const machine of ['one', 'two', 'three', 'four']) mkdirSync(join(folder, machine))
  expect(await layOutDisk(disk, store('one'))).toBe(false)

  expect(await prepareDisk({ disk, images: [first], binDir })).toBe(true)
  expect(await prepareDisk({ disk, images: [first], binDir })).toBe(false)
  expect(await layOutDisk(disk, store('one'))).toBe(true)
  expect(layersOf(store('one'))).toEqual(['etc/a 1', 'etc/b 2', 'hides etc'])
  // What a machine has is left alone.
  expect(await layOutDisk(disk, store('one'))).toBe(false)

  const second = await push('second', imageOf('second', [{ 'etc/c': '3' }]))
  const file = join(disk, 'containerd/io.containerd.content.v1.content/blobs/sha256', first.split(':').at(-1) ?? '')
  const { ino } = statSync(file)
  expect(await prepareDisk({ disk, images: [first, second], binDir })).toBe(true)
  expect(statSync(file).ino, 'taken over').toBe(ino)
  expect(await prepareDisk({ disk, images: [second], binDir })).toBe(true)
  expect(await layOutDisk(disk, store('two'))).toBe(true)
  expect(layersOf(store('two'))).toEqual(['etc/c 3'])
  expect(layersOf(store('one'))).toEqual(['etc/a 1', 'etc/b 2', 'hides etc'])

  // Somebody cleaned the cache up.
  const snapshots = join(disk, 'containerd/io.containerd.snapshotter.v1.overlayfs/snapshots')
  execFileSync('sh', ['-c', `find "$1" -name c -delete`, 'clean', snapshots])
  expect(await layOutDisk(disk, store('three'))).toBe(false)
  expect(existsSync(store('three')) || existsSync(`${store('three')}.part`)).toBe(false)
  // The next `up` makes it anew.
  expect(await prepareDisk({ disk, images: [second], binDir })).toBe(true)
  expect(await layOutDisk(disk, store('three'))).toBe(true)
  expect(layersOf(store('three'))).toEqual(['etc/c 3'])

  writeFileSync(join(disk, 'content.json'), '{"images": [')
  expect(await layOutDisk(disk, store('four'))).toBe(false)
  expect(await prepareDisk({ disk, images: [second], binDir })).toBe(true)
})

test('a blob that lies on the host is in the registry without being sent', async () => {
  const image = imageOf('linked', [{ 'etc/linked': 'x' }])
  await push('linked', image)
  const { digest } = image.parts[1] ?? { digest: '' }
  const answer = await fetch(`http://${registry.address}/v2/linked/blobs/${digest}`)
  expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(digest)
  expect(statSync(join(image.folder ?? '', digest.slice(7))).nlink).toBe(2)
})

test('a disk whose images can’t be had is not made, and the one before stays', async () => {
  const disk = join(folder, 'disk')
  const missing = `${registry.address}/missing@sha256:${'0'.repeat(64)}`
  const before = statSync(join(disk, 'content.json')).ino
  await expect(prepareDisk({ disk, images: [missing], binDir })).rejects.toThrow(/not found/)
  expect(statSync(join(disk, 'content.json')).ino).toBe(before)
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
})

test('whoever prepares a disk is killed: no program goes on, and the next one clears up', async () => {
  const disk = join(folder, 'killed')
  // Takes the connection and says nothing.
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const main = resolve(import.meta.dirname, '../../src/local/main.ts')
  const words = [main, 'disk', '--bin', binDir, '--disk', disk, `127.0.0.1:${port}/x@sha256:${'1'.repeat(64)}`]
  const asked = once(silent, 'connection')
  const preparing = spawn(process.execPath, words, { stdio: 'ignore' })
  await asked
  const running = () => {
    const found = spawnSync('pgrep', ['--full', `${disk}.${preparing.pid}.part`], { encoding: 'utf8' })
    return found.stdout.split('\n').filter((line) => line !== '')
  }
  expect(running()).not.toEqual([])
  preparing.kill('SIGKILL')
  await expect.poll(running, { timeout: 20_000 }).toEqual([])
  silent.close()

  const first = await push('first', imageOf('again', [{ 'etc/a': '1' }]))
  expect(await prepareDisk({ disk, images: [first], binDir })).toBe(true)
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
})
