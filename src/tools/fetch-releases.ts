import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { execa } from 'execa'
import { AppError, explain } from '../base/errors.ts'
import type { Wanted } from './build-missing.ts'
import type { ToolCache } from './cache.ts'
import type { ToolEvent } from './events.ts'
import { cleanEnv, outputOf } from './process.ts'
import { type Release, releaseKey, releaseOf, type ReleaseSource, sumIn, urlOf } from './releases.ts'

export interface FetchInput {
  readonly cache: ToolCache
  readonly cacheDir: string
  readonly source: ReleaseSource
  readonly onProgress: (event: ToolEvent) => void
  readonly signal: AbortSignal | undefined
}

/** Long enough for a slow proxy, short enough for a host that swallows packets. */
const PROBE_MS = 3_000
/** A download that brings nothing for so long has broken off. */
const SILENCE_MS = 30_000

/** Takes from official releases what they offer, and answers with what must be built all the same. Says why. */
export async function fetchReleases(wanted: readonly Wanted[], input: FetchInput): Promise<readonly Wanted[]> {
  const { source, onProgress } = input
  if (source.kind === 'off') return wanted
  const offered = Map.groupBy(wanted, ({ tool }) => releaseOf(tool)?.file)
  const files = [...offered].flatMap(([file, members]) => (file === undefined ? [] : [{ file, members }]))
  if (files.length === 0) return wanted
  const reachable = await reachableHosts(
    files.map(({ file }) => file),
    input,
    source,
  )
  const taken = new Set<Wanted>()
  for (const { file, members } of files) {
    if (!reachable.has(hostOf(file))) continue
    try {
      await takeFile(members, input, source)
      for (const one of members) taken.add(one)
    } catch (error) {
      input.signal?.throwIfAborted()
      onProgress({ kind: 'refused', tools: members.map(({ tool }) => tool.name), reason: explain(error) })
    }
  }
  return wanted.filter((one) => !taken.has(one))
}

type From = Exclude<ReleaseSource, { kind: 'off' }>

/** All hosts at once, each asked for one small file. */
async function reachableHosts(files: readonly string[], input: FetchInput, source: From): Promise<Set<string>> {
  const hosts = [...Map.groupBy(files, hostOf).entries()]
  const reasons: string[] = []
  const answers = await Promise.all(
    hosts.map(async ([host, [file = '']]) => {
      try {
        const { ok, status } = await request(urlOf(file, source), { method: 'HEAD', ms: PROBE_MS, input })
        if (ok) return host
        reasons.push(`${host} answers ${status}`)
      } catch (error) {
        input.signal?.throwIfAborted()
        reasons.push(`${host}: ${explain(error)}`)
      }
      return undefined
    }),
  )
  if (reasons.length > 0) input.onProgress({ kind: 'no-releases', reasons })
  return new Set(answers.filter((host) => host !== undefined))
}

/** One file with all programs that are wanted of it: checked before anything of it is used. */
async function takeFile(members: readonly Wanted[], input: FetchInput, source: From): Promise<void> {
  const release = members[0] === undefined ? undefined : releaseOf(members[0].tool)
  if (release === undefined) throw new AppError('bug', 'tool-missing', 'a release was asked for that nobody offers')
  const began = Date.now()
  const work = join(input.cacheDir, `.building-${process.pid}-release`)
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  try {
    const url = urlOf(release.file, source)
    const sum = await publishedSum(release, input, source)
    const names = members.map(({ tool }) => tool.name)
    input.onProgress({ kind: 'fetching', what: `${names.join(', ')} from ${url}` })
    const file = join(work, 'file')
    const got = await download(url, file, input)
    if (got !== sum) {
      const text = `${url} is not what its publisher's checksum says: it has ${got}, right is ${sum}`
      throw new AppError('conflict', 'release-checksum', text, { details: { url, got, right: sum } })
    }
    await refuseChanged(release.file, sum, input)
    const programs = await unpack(file, work, members)
    for (const [{ tool }, path] of programs) await checkVersion(tool.name, path, members)
    for (const [{ tool }, path] of programs)
      await input.cache.store(tool.name, releaseKey(tool) ?? '', path, { url, sha256: sum })
    input.onProgress({ kind: 'fetched', tools: names, url, sha256: sum, seconds: (Date.now() - began) / 1000 })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function publishedSum({ file, checksums }: Release, input: FetchInput, source: From): Promise<string> {
  const url = urlOf(checksums, source)
  const answer = await request(url, { method: 'GET', ms: SILENCE_MS, input })
  const sum = answer.ok ? sumIn(await answer.text(), file) : undefined
  if (sum !== undefined) return sum
  const why = answer.ok ? `names no sum of ${file.split('/').at(-1)}` : `answers ${answer.status}`
  throw new AppError('unavailable', 'release-checksum', `the checksum file ${url} ${why}`)
}

/** Into the file; its sum. Whatever is less than was announced is an error. */
async function download(url: string, file: string, input: FetchInput): Promise<string> {
  const quiet = new AbortController()
  const answer = await request(url, { method: 'GET', ms: SILENCE_MS, input, until: quiet.signal })
  if (!answer.ok || answer.body === null)
    throw new AppError('unavailable', 'release-download', `${url} answers ${answer.status}`)
  const hash = createHash('sha256')
  let bytes = 0
  let timer = setTimeout(() => {}, 0)
  const waiting = () => {
    clearTimeout(timer)
    timer = setTimeout(() => quiet.abort(new Error(`nothing came for ${SILENCE_MS / 1000} s`)), SILENCE_MS)
  }
  waiting()
  try {
    await pipeline(
      Readable.fromWeb(answer.body),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          waiting()
          bytes += chunk.length
          hash.update(chunk)
          yield chunk
        }
      },
      createWriteStream(file),
    )
  } catch (cause) {
    input.signal?.throwIfAborted()
    throw new AppError('unavailable', 'release-download', `${url} broke off after ${bytes} bytes`, { cause })
  } finally {
    clearTimeout(timer)
  }
  const announced = answer.headers.get('content-length')
  if (announced !== null && !answer.headers.has('content-encoding') && Number(announced) !== bytes)
    throw new AppError('unavailable', 'release-download', `${url} broke off after ${bytes} of ${announced} bytes`)
  return hash.digest('hex')
}

/** What was published once does not change: another sum for the same file is somebody else's work. */
async function refuseChanged(file: string, sha256: string, { cacheDir }: FetchInput): Promise<void> {
  const path = join(cacheDir, 'releases.json')
  const text = await readFile(path, 'utf8').catch(() => '{}')
  const known = JSON.parse(text) as Record<string, string>
  const before = known[file]
  if (before !== undefined && before !== sha256) {
    const message = `${file} was ${before} before and is ${sha256} now: a release never changes. If you trust the new one, remove its line from ${path}`
    throw new AppError('conflict', 'release-changed', message, { details: { file, before, now: sha256 } })
  }
  if (before === sha256) return
  await writeFile(`${path}.${process.pid}`, `${JSON.stringify({ ...known, [file]: sha256 }, null, 2)}\n`)
  await rename(`${path}.${process.pid}`, path)
}

async function unpack(file: string, work: string, members: readonly Wanted[]): Promise<[Wanted, string][]> {
  const places = members.map((one): [Wanted, string | undefined] => [one, releaseOf(one.tool)?.member])
  const inside = places.flatMap(([, place]) => (place === undefined ? [] : [place]))
  if (inside.length > 0) {
    const args = ['--extract', '--gzip', '--no-same-owner', `--file=${file}`, `--directory=${work}`, ...inside]
    const run = await execa('tar', args, {
      env: cleanEnv(),
      extendEnv: false,
      all: true,
      reject: false,
      stdin: 'ignore',
    })
    if (run.exitCode !== 0)
      throw new AppError(
        'conflict',
        'release-archive',
        `unpacking ${inside.join(', ')}: ${String(run.all).slice(-300)}`,
      )
  }
  return places.map(([one, place]) => [one, place === undefined ? file : join(work, place)])
}

/** It must say of itself what it was taken for. */
async function checkVersion(name: string, path: string, members: readonly Wanted[]): Promise<void> {
  const tool = members.find((member) => member.tool.name === name)?.tool
  if (tool?.ask === undefined) return
  await execa('chmod', ['755', path])
  const said = await outputOf(path, tool.ask.args, cleanEnv())
  if (tool.ask.pattern.exec(said ?? '')?.[1] === tool.version) return
  const text = `the program says ${JSON.stringify((said ?? 'nothing').slice(0, 100))}, not that it is ${name} ${tool.version}`
  throw new AppError('conflict', 'release-version', text)
}

interface Asked {
  readonly method: 'GET' | 'HEAD'
  /** Until it answers. */
  readonly ms: number
  readonly input: FetchInput
  /** Ends what comes after. */
  readonly until?: AbortSignal
}

async function request(url: string, { method, ms, input, until }: Asked): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`no answer in ${ms / 1000} s`)), ms)
  const signals = [late.signal, input.signal, until].filter((signal) => signal !== undefined)
  try {
    return await fetch(url, { method, redirect: 'follow', signal: AbortSignal.any(signals) })
  } catch (cause) {
    input.signal?.throwIfAborted()
    const why = late.signal.aborted ? late.signal.reason : cause instanceof Error ? (cause.cause ?? cause) : cause
    throw new AppError('unavailable', 'release-unreachable', `asking ${url}`, { cause: why })
  } finally {
    clearTimeout(timer)
  }
}

function hostOf(file: string): string {
  return file.split('/')[0] ?? ''
}
