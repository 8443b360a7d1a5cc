import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { systemClock } from '../../base/clock.ts'
import { AppError } from '../../base/errors.ts'
import type { Kubernetes, Manifest } from '../kubernetes/port.ts'
import type { RunResult } from '../process/run.ts'
import { briefGo, cleanEnv, run } from '../process/run.ts'
import { helmError, isUnknownRevision } from './errors.ts'
import { fingerprint } from './fingerprint.ts'
import type { Helm, HelmRun, Release, ReleaseStatus } from './port.ts'
import { findStored, fingerprintLabel } from './stored.ts'

export interface HelmCliOptions {
  /** Path of Helm 4. */
  readonly program: string
  /** A folder of its own for Helm's caches and the values files while they are needed. */
  readonly folder: string
  /** Path of the kubeconfig; left out in a pod, where Helm finds the service account by itself. */
  readonly kubeconfig?: string | undefined
  /** Of the same cluster: scopes of kinds and stuck revisions are looked up there. */
  readonly kubernetes: Kubernetes
}

const TIMEOUT_MS = 600_000
const AGAIN_MS = 300
const KEPT_REVISIONS = '10'

/** The real one: helm 4 as a program, values by file (never by argument), JSON for every answer. */
export function createHelmCli(options: HelmCliOptions): Helm {
  const helm = async (args: readonly string[], running: HelmRun = {}): Promise<RunResult> => {
    const onLine = running.output === undefined ? {} : { onLine: stderrOnly(running.output) }
    return await run(options.program, args, { env: helmEnv(options), signal: running.signal, ...onLine })
  }
  const must = async (attempted: string, args: readonly string[], running?: HelmRun): Promise<string> => {
    const result = await helm(args, running)
    if (result.exitCode !== 0) throw helmError(attempted, result)
    return result.stdout
  }
  const stored = async (name: string, namespace: string) => await findStored(options.kubernetes, name, namespace)
  const find = async (name: string, namespace: string) => (await stored(name, namespace))?.record
  const uninstall: Helm['uninstall'] = async (name, namespace, running = {}) => {
    if ((await find(name, namespace)) === undefined) return false
    const timeoutMs = running.timeoutMs ?? TIMEOUT_MS
    const wait = ['--wait', '--cascade', 'foreground', '--timeout', seconds(timeoutMs)]
    const words = ['uninstall', name, '--namespace', namespace, '--ignore-not-found', ...wait]
    for (const deadline = systemClock.now() + timeoutMs; ; await systemClock.sleep(AGAIN_MS, running.signal)) {
      const result = await helm(words, running)
      if (result.exitCode === 0) return true
      // Helm's wait ends early where some objects are gone before it has seen the others: the release is still there then.
      const isEarly = / still exists\. status: /.test(result.stderr) && systemClock.now() < deadline
      if (!isEarly) throw helmError(`uninstalling ${name} from ${namespace}`, result)
    }
  }

  return {
    find,
    uninstall,
    fingerprint: (release) => fingerprint(release.chart, release.values),
    pull: async ({ chart, version, repository }, folder, running) => {
      const path = join(folder, `${chart}-${version}.tgz`)
      if (existsSync(path)) return path
      const part = await mkdtemp(join(await made(folder), 'pull-'))
      try {
        const result = await helm(
          ['pull', chart, '--repo', repository, '--version', version, '--destination', part],
          running,
        )
        if (result.exitCode !== 0) throw unreachable(chart, repository, result.stderr)
        // Renamed into place: a crash leaves no half of a chart.
        await rename(join(part, `${chart}-${version}.tgz`), path)
        return path
      } finally {
        await rm(part, { recursive: true, force: true })
      }
    },
    list: async (namespace) => {
      const where = namespace === undefined ? ['--all-namespaces'] : ['--namespace', namespace]
      const text = await must('listing the releases', ['list', ...where, '--max', '0', '--output', 'json'])
      return (JSON.parse(text) as ListEntry[]).map(({ name, namespace: place, revision, status, chart }) => ({
        name,
        namespace: place,
        revision: Number(revision),
        status: status as ReleaseStatus,
        chart,
        fingerprint: undefined,
      }))
    },
    upgrade: async (release, running) => {
      const { name, namespace, chart } = release
      const hash = await fingerprint(chart, release.values)
      await withValuesFile(options.folder, release.values, async (file) => {
        const args = [
          'upgrade',
          name,
          chart,
          '--install',
          '--namespace',
          namespace,
          '--values',
          file,
          ...upgradeFlags(release),
        ]
        await must(`upgrading ${name} in ${namespace}`, [...args, '--labels', `${fingerprintLabel}=${hash}`], running)
      })
      const record = await find(name, namespace)
      if (record === undefined)
        throw new AppError('bug', 'release-vanished', `${namespace}/${name} is gone after its upgrade`)
      return record
    },
    rollback: async (name, namespace, revision, running) => {
      const where = ['rollback', name, String(revision), '--namespace', namespace]
      const how = ['--server-side=true', '--force-conflicts', '--history-max', KEPT_REVISIONS]
      const result = await helm([...where, ...how, '--timeout', seconds(TIMEOUT_MS)], running)
      const attempted = `going back to revision ${revision} of ${namespace}/${name}`
      if (isUnknownRevision(result)) throw new AppError('not-found', 'revision-unknown', attempted)
      if (result.exitCode !== 0) throw helmError(attempted, result)
      const record = await find(name, namespace)
      if (record === undefined)
        throw new AppError('bug', 'release-vanished', `${namespace}/${name} is gone after its rollback`)
      return record
    },
    unlock: async (name, namespace, running) => {
      const record = await find(name, namespace)
      if (record?.status === 'uninstalling') return void (await uninstall(name, namespace, running))
      if (record === undefined || !record.status.startsWith('pending')) return
      const secret = `sh.helm.release.v1.${name}.v${record.revision}`
      await options.kubernetes.delete({ apiVersion: 'v1', kind: 'Secret', name: secret, namespace })
    },
    objects: async (name, namespace) => {
      const found = await stored(name, namespace)
      return found === undefined ? [] : manifestsOf(found.manifest, namespace)
    },
  }
}

interface ListEntry {
  readonly name: string
  readonly namespace: string
  readonly revision: number | string
  readonly status: string
  /** With its version. */
  readonly chart: string
}

function upgradeFlags(release: Release): readonly string[] {
  const create = release.createNamespace === false ? [] : ['--create-namespace']
  // Without --reset-values an upgrade would keep values that are no longer wanted.
  const apply = ['--reset-values', '--server-side=true', '--force-conflicts', '--history-max', KEPT_REVISIONS]
  return [
    ...create,
    ...apply,
    '--hide-notes',
    // The server itself refuses fields it does not know; asking for its whole description costs a tenth of a release.
    '--disable-openapi-validation',
    '--output',
    'json',
    '--timeout',
    seconds(release.timeoutMs ?? TIMEOUT_MS),
  ]
}

/** Values may hold passwords: readable by us only, and only while Helm runs. */
async function withValuesFile(folder: string, values: unknown, use: (file: string) => Promise<void>): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const place = await mkdtemp(join(folder, 'values-'))
  try {
    const file = join(place, 'values.json')
    await writeFile(file, JSON.stringify(values), { mode: 0o600 })
    await use(file)
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

function helmEnv(options: HelmCliOptions): Record<string, string> {
  const folders = { HELM_CACHE_HOME: 'cache', HELM_CONFIG_HOME: 'config', HELM_DATA_HOME: 'data' }
  const env = {
    ...cleanEnv(),
    ...briefGo,
    ...Object.fromEntries(Object.entries(folders).map(([name, sub]) => [name, join(options.folder, sub)])),
  }
  if (options.kubeconfig !== undefined) return { ...env, KUBECONFIG: options.kubeconfig }
  const pod = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'].map((name) => [name, process.env[name] ?? ''])
  return { ...env, ...Object.fromEntries(pod) }
}

function manifestsOf(text: string, namespace: string): readonly Manifest[] {
  return (
    parseAllDocuments(text)
      .map((document) => document.toJS() as Manifest | null)
      .filter((one): one is Manifest => one !== null && typeof one === 'object' && typeof one.kind === 'string')
      // Some charts write several objects as one.
      .flatMap((one) => (one.kind === 'List' ? ((one['items'] ?? []) as readonly Manifest[]) : [one]))
      .map((one) => (one.metadata.namespace === undefined ? { ...one, metadata: { ...one.metadata, namespace } } : one))
  )
}

function stderrOnly(output: (line: string) => void): (line: string, stream: 'stdout' | 'stderr') => void {
  // Standard output is JSON that holds the values.
  return (line, stream) => (stream === 'stderr' ? output(line) : undefined)
}

async function made(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}

function unreachable(chart: string, repository: string, said: string): AppError {
  const cause = new Error(said.trim().split('\n').at(-1) ?? '')
  return new AppError('unavailable', 'chart-unreachable', `fetching chart ${chart} of ${repository}`, { cause })
}

const seconds = (ms: number): string => `${Math.ceil(ms / 1000)}s`
