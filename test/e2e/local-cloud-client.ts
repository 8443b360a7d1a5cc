import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { tar } from '../../src/local/oci.ts'

export interface Answer<T = Record<string, unknown>> {
  readonly status: number
  readonly body: T
}

/** What the local cloud answers to one call on its socket. */
export function call<T = Record<string, unknown>>(
  socket: string,
  method: string,
  path: string,
  body?: object,
): Promise<Answer<T>> {
  const data = body === undefined ? undefined : JSON.stringify(body)
  const headers =
    data === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(data) }
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, method, path, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: (text === '' ? {} : JSON.parse(text)) as T }),
      )
    })
    sent.on('error', reject)
    sent.end(data)
  })
}

/** Waits for a condition; the last answer explains a failure. */
export async function eventually<T>(
  look: () => Promise<T>,
  fits: (seen: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let seen: T | undefined
  let error: unknown
  for (;;) {
    try {
      seen = await look()
      if (fits(seen)) return seen
    } catch (caught) {
      error = caught
    }
    if (Date.now() > deadline)
      throw new Error(
        `not so after ${timeoutMs} ms: ${JSON.stringify(seen)} ${error instanceof Error ? error.message : ''}`,
      )
    await delay(200)
  }
}

export type Kubectl = (words: readonly string[], input?: string) => Promise<string>

export function kubectlWith(binDir: string, kubeconfig: string): Kubectl {
  return async (words, input) => {
    const { stdout } = await execa(
      `${binDir}/kubectl`,
      ['--kubeconfig', kubeconfig, ...words],
      input === undefined ? {} : { input },
    )
    return stdout
  }
}

/** A pod without an image of its own: the machine's /usr is its file system, Python its program. */
export function pythonPod(
  name: string,
  namespace: string,
  node: string | undefined,
  program: string,
  volume?: string,
): object {
  const usr = (mountPath: string, subPath?: string) => ({
    name: 'usr',
    mountPath,
    readOnly: true,
    ...(subPath === undefined ? {} : { subPath }),
  })
  const container = {
    name: 'main',
    image: 'localhost/cloudmgr/pause:1',
    imagePullPolicy: 'Never',
    command: ['/usr/bin/python3', '-c', program],
    securityContext: { runAsUser: 0 },
    volumeMounts: [
      usr('/usr'),
      usr('/lib', 'lib'),
      usr('/lib64', 'lib64'),
      usr('/bin', 'bin'),
      ...(volume === undefined ? [] : [{ name: 'data', mountPath: '/data' }]),
    ],
  }
  const volumes = [
    { name: 'usr', hostPath: { path: '/usr' } },
    ...(volume === undefined
      ? []
      : [{ name: 'data', hostPath: { path: `/mnt/volumes/${volume}`, type: 'Directory' } }]),
  ]
  const spec = {
    terminationGracePeriodSeconds: 1,
    containers: [container],
    volumes,
    ...(node === undefined ? {} : { nodeName: node }),
  }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: name } }, spec }
}

/** Pushes an image with one program in it, tag 1, as any client of a registry does. */
export async function pushProgram(
  registry: string,
  repository: string,
  name: string,
  program: Uint8Array,
): Promise<void> {
  const layer = tar([{ name, content: program, mode: 0o755 }])
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Entrypoint: [`/${name}`] },
      rootfs: { type: 'layers', diff_ids: [digest(layer)] },
    }),
  )
  for (const blob of [layer, config]) {
    const begun = await fetch(`${registry}/v2/${repository}/blobs/uploads/`, { method: 'POST' })
    const place = new URL(begun.headers.get('location') ?? '', registry)
    place.searchParams.set('digest', digest(blob))
    const headers = { 'content-type': 'application/octet-stream' }
    await accepted(await fetch(place, { method: 'PUT', body: new Uint8Array(blob), headers }))
  }
  const part = (mediaType: string, blob: Buffer) => ({ mediaType, digest: digest(blob), size: blob.length })
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: part('application/vnd.oci.image.config.v1+json', config),
    layers: [part('application/vnd.oci.image.layer.v1.tar', layer)],
  }
  const options = { method: 'PUT', body: JSON.stringify(manifest), headers: { 'content-type': mediaType } }
  await accepted(await fetch(`${registry}/v2/${repository}/manifests/1`, options))
}

async function accepted(answer: Response): Promise<void> {
  if (!answer.ok) throw new Error(`the registry answered ${answer.status}: ${await answer.text()}`)
}

function digest(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
