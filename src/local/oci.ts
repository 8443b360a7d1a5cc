import { createHash } from 'node:crypto'
import { arch } from 'node:os'

interface TarEntry {
  readonly name: string
  readonly content: Uint8Array
  readonly mode?: number
}

/** A tar archive of plain files, the same bytes for the same content. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, content, mode }) => [
    header(name, content.length, mode ?? 0o644),
    content,
    padding(content.length),
  ])
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function header(name: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(512)
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`
  block.write(name, 0, 100)
  block.write(octal(mode, 7), 100)
  block.write(octal(0, 7), 108)
  block.write(octal(0, 7), 116)
  block.write(octal(size, 11), 124)
  block.write(octal(0, 11), 136)
  block.write('        ', 148)
  block.write('0', 156)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function padding(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512)
}

/** An image archive (OCI layout) with one program in an otherwise empty file system. */
export function programImage(reference: string, name: string, program: Uint8Array): Buffer {
  const layer = tar([{ name, content: program, mode: 0o755 }])
  const config = json({
    architecture: arch() === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: [`/${name}`], User: '65535:65535' },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
  })
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        ...describe('application/vnd.oci.image.manifest.v1+json', manifest),
        annotations: { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference },
      },
    ],
  })
  return tar([
    { name: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    ...[layer, config, manifest].map((content) => ({ name: `blobs/sha256/${digest(content).slice(7)}`, content })),
    { name: 'index.json', content: index },
  ])
}

function describe(mediaType: string, content: Uint8Array): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digest(content), size: content.length }
}

function digest(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
