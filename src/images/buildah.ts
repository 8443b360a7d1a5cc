import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { type RunOptions, type RunResult, runProgram } from './process.ts'

export type BuildahOptions = Pick<RunOptions, 'output' | 'signal'>

/**
 * Storage and caches lie in our own folder, and every call has its own mount namespace: whatever it mounts is gone
 * with it, and nothing of the host's own container storage is touched. /var/lib/containers is a fixed path of the
 * libraries (a cache of blobs' places), so it is covered. It stays behind as an empty folder: removing it would
 * uncover it for another cache's build that runs at the same time.
 */
const IN_NAMESPACE = 'mkdir -p /var/lib/containers && mount --bind "$1" /var/lib/containers && shift && exec "$@"'

/** Buildah on a storage of its own. */
export class Buildah {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Runs one command, whatever comes of it. */
  async try(words: readonly string[], options: BuildahOptions = {}): Promise<RunResult> {
    const shared = join(this.#folder, 'shared')
    const temporary = join(this.#folder, 'tmp')
    await Promise.all([shared, temporary].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })))
    const storage = ['--root', join(this.#folder, 'storage'), '--runroot', join(this.#folder, 'run')]
    // With process 1 of their namespace every process of a build ends, those in sessions of their own too; and it ends
    // when we do, however we do: what is left of a build must not disturb the next one.
    const own = ['--mount', '--propagation=private', '--pid', '--fork', '--kill-child', '--mount-proc']
    return runProgram(
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        'unshare',
        ...own,
        'sh',
        '-c',
        IN_NAMESPACE,
        'sh',
        shared,
        'buildah',
        ...storage,
        ...words,
      ],
      {
        ...options,
        env: { ...proxies(process.env), HOME: '/root', TMPDIR: temporary, BUILDAH_ISOLATION: 'chroot' },
      },
    )
  }

  /** Runs one command that must succeed; the error names what was done, the step, and what was said last. */
  async run(purpose: string, words: readonly string[], options: BuildahOptions = {}): Promise<RunResult> {
    let step: string | undefined
    const output = (line: string) => {
      if (isStep(line)) step = line
      options.output?.(line)
    }
    const result = await this.try(words, { ...options, output })
    if (result.code === 0) return result
    throw new AppError('unavailable', 'image-failed', failure(purpose, result.lastLines, step), {
      details: { lastLines: result.lastLines },
    })
  }

  /** Takes away what an interrupted build left behind. Only for the holder of the storage's lock. */
  async cleanUp(): Promise<void> {
    await this.try(['rm', '--all'])
    await rm(join(this.#folder, 'tmp'), { recursive: true, force: true })
  }

  /** Forgets all images and layers. */
  async reset(): Promise<void> {
    const folders = ['storage', 'run', 'shared', 'packed'].map((name) => join(this.#folder, name))
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
  }

  /** Keeps the newest `kept` images of a name; layers that others share stay. */
  async removeOlder(name: string, kept: number): Promise<void> {
    const old = (await this.images()).filter((image) => image.name === name).slice(kept)
    if (old.length > 0) await this.try(['rmi', ...old.map((image) => `localhost/${image.name}:${image.tag}`)])
  }

  /** All that were built, newest first. */
  async images(): Promise<{ readonly name: string; readonly tag: string }[]> {
    const { stdout } = await this.try(['images', '--format', '{{.CreatedAtRaw}} {{.Name}}:{{.Tag}}'])
    const listed = stdout.split('\n').filter((line) => line.includes(' localhost/'))
    return listed
      .toSorted()
      .toReversed()
      .map((line) => {
        const [name = '', tag = ''] = line
          .slice(line.lastIndexOf('/') + 1)
          .trim()
          .split(':')
        return { name, tag }
      })
  }

  async hasImage(image: string): Promise<boolean> {
    return (await this.try(['inspect', '--type', 'image', '--format', '{{.FromImageID}}', image])).code === 0
  }
}

const isStep = (line: string): boolean => /^(\[\d+\/\d+\] )?STEP /.test(line)
const shorten = (line: string): string => (line.length > 240 ? `${line.slice(0, 240)}…` : line)

/** One line for people: what was attempted, the step, and the last lines that say something. */
export function failure(purpose: string, lines: readonly string[], step?: string): string {
  const said = lines
    .filter((line) => line.trim() !== '' && !/STEP |^subprocess exited|^Error: exit/.test(line))
    .slice(-4)
  return [purpose, ...(step === undefined ? [] : [step]), ...said].map(shorten).join(' | ')
}

/** The host's proxies, which buildah hands to the build and leaves out of the image. */
export function proxies(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
