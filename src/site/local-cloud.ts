import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { AppError } from '../base/errors.ts'
import { withLock } from '../images/lock.ts'
import { sendJson } from './http.ts'
import type { CloudControl, Gateway, HostProgram, OtherCluster } from './operator.ts'
import type { Site } from './site.ts'
import { toolsFolder } from './site-tools.ts'
import type { StatePaths } from './state.ts'

export interface LocalPlaces {
  /** The checkout. */
  readonly project: string
  /** Of all sites. */
  readonly cache: string
}

/** The local cloud: a program of its own, started and stopped by its words, else reached by its socket only. */
export function createLocalCloud(site: Site, paths: StatePaths, places: LocalPlaces): CloudControl {
  const { project, cache } = places
  const disk = join(cache, 'machine-disk')
  const get = async (path: string) =>
    await sendJson({ socketPath: paths.socket }, { method: 'GET', path, timeoutMs: 5000 })
  const run = async (words: readonly string[], attempted: string, signal?: AbortSignal): Promise<string> => {
    const program = join(project, 'src', 'local', 'main.ts')
    const options = {
      reject: false,
      stdin: 'ignore',
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    } as const
    const { exitCode, stdout, stderr } = await execa(process.execPath, [program, ...words], options)
    signal?.throwIfAborted()
    if (exitCode === 0) return stdout
    throw new AppError('conflict', 'local-cloud-failed', `${attempted}: ${lastLines(stderr)}`)
  }
  return {
    answers: async () => await isAnswering(get),
    start: async (signal) => {
      mkdirSync(paths.cloud, { recursive: true, mode: 0o700 })
      const words = ['start', '--state', paths.cloud, '--bin', toolsFolder(paths.folder)]
      const mode = site.simulated === true ? ['--simulated'] : ['--disk', disk]
      await run([...words, ...mode], 'starting the local cloud', signal)
    },
    stop: async (signal) => void (await run(['stop', '--state', paths.cloud], 'stopping the local cloud', signal)),
    certificate: async () => ((await get(`/v1/clusters/${site.name}`)).body as { ca?: string }).ca,
    leftovers: async () => {
      const text = await run(['leftovers', '--state', paths.cloud], 'looking for what is left on this host')
      return text.split('\n').filter((line) => line !== '')
    },
    keepProcess: async (name, order) => {
      const path = `/v1/clusters/${site.name}/processes/${name}`
      const wanted = { method: 'PUT', path, body: order, timeoutMs: 60_000 } as const
      const { status, body } = await sendJson({ socketPath: paths.socket }, wanted)
      if (status === 200) return
      const said = (body as { error?: { message?: string } }).error?.message ?? `it answered ${status}`
      throw new AppError('unavailable', 'local-cloud-failed', `starting ${name} beside the cluster: ${said}`)
    },
    takeBlobs: async (repository, body) => {
      const path = `/v1/clusters/${site.name}/blobs/${repository}`
      // A local cloud of before knows nothing of it: what it was not given is sent.
      await sendJson({ socketPath: paths.socket }, { method: 'PUT', path, body, timeoutMs: 60_000 })
    },
    prepareDisk: async (images, { output, signal }) => {
      const words = ['disk', '--bin', toolsFolder(paths.folder), '--disk', disk, ...images]
      const prepare = async () => await run(words, 'preparing the disk of machines', signal)
      const waiting = () => output('waiting for another site that prepares the disk of machines')
      const said = await withLock(`${disk}.lock`, prepare, { waiting, signal })
      return (JSON.parse(said) as { prepared: boolean }).prepared
    },
    programs: async () => {
      const { programs = [] } = (await get(`/v1/clusters/${site.name}`)).body as { programs?: HostProgram[] }
      return programs.map(({ name, alive }) => ({ name, alive }))
    },
    versions: async () => {
      const text = await run(['versions', '--state', paths.cloud], 'looking which versions of Kubernetes are in use')
      return text.split('\n').filter((line) => line !== '')
    },
    kubernetes: async () => {
      const { status, body } = await get(`/v1/clusters/${site.name}`)
      if (status !== 200) return undefined
      const { kubernetesVersion, state, reason = '' } = body as ClusterAnswer
      if (kubernetesVersion === undefined) return undefined
      return { version: kubernetesVersion, ...(state === 'upgrading' ? { upgrade: reason } : {}) }
    },
    others: async () => {
      const { items } = (await get('/v1/clusters')).body as { items: OtherCluster[] }
      return items
        .filter(({ name }) => name !== site.name)
        .map(({ name, state, reason }) => ({ name, state, ...(reason === undefined ? {} : { reason }) }))
    },
    gateway: async () => ((await get(`/v1/clusters/${site.name}`)).body as { gateway: Gateway }).gateway,
  }
}

interface ClusterAnswer {
  /** Left out while it is being removed. */
  readonly kubernetesVersion?: string
  readonly state: string
  readonly reason?: string
}

async function isAnswering(get: (path: string) => Promise<{ status: number }>): Promise<boolean> {
  try {
    return (await get('/v1/status')).status === 200
  } catch (cause) {
    // No socket, or nobody behind it.
    if (cause instanceof AppError && cause.kind === 'unavailable') return false
    throw cause
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join(' | ')
}
