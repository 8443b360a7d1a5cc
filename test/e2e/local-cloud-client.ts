import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'

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
      throw new Error(`not so after ${timeoutMs} ms: ${JSON.stringify(seen)} ${String(error ?? '')}`)
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
