import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { Buildah, BuildahOptions } from './buildah.ts'
import { failure, proxies } from './buildah.ts'
import { runProgram } from './process.ts'

/** The base of all images, as the registry of Docker names it and as Debian's own packages make it. */
const UPSTREAM = 'docker.io/library/debian:bookworm-slim'
const SUITE = 'bookworm'
const SOURCES = [
  'deb http://deb.debian.org/debian bookworm main',
  'deb http://deb.debian.org/debian bookworm-updates main',
  'deb http://deb.debian.org/debian-security bookworm-security main',
]

/** Makes the base image: pulled when Docker's registry can be reached, else bootstrapped from Debian's packages. */
export async function makeDebian(
  buildah: Buildah,
  image: string,
  folder: string,
  output: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options: BuildahOptions = { output, signal }
  if (await isReachable('https://registry-1.docker.io/v2/')) {
    output(`pulling ${UPSTREAM}`)
    const pulled = await buildah.try(['pull', '--quiet', UPSTREAM], options)
    if (pulled.code === 0) {
      await buildah.run(`naming ${image}`, ['tag', UPSTREAM, image], options)
      return
    }
  }
  output(`bootstrapping Debian ${SUITE} from its packages`)
  const work = join(folder, 'debian')
  // What a killed run left; its mounts went with it.
  await runProgram('rm', ['-rf', '--one-file-system', work])
  await mkdir(work, { recursive: true })
  const root = join(work, 'debian.tar')
  const bootstrap = ['mmdebstrap', '--variant=minbase', '--include=ca-certificates', SUITE, root, ...SOURCES]
  // A mount namespace of its own: however it ends, nothing stays mounted on the host.
  const made = await runProgram('unshare', ['--mount', '--propagation', 'private', ...bootstrap], {
    output,
    signal,
    env: { ...proxies(process.env), TMPDIR: work },
  })
  if (made.code !== 0) {
    throw new AppError('unavailable', 'image-failed', failure(`bootstrapping Debian ${SUITE}`, made.lastLines), {
      details: { lastLines: made.lastLines },
    })
  }
  await importRoot(buildah, image, root, options)
  await rm(work, { recursive: true, force: true })
}

/** A 401 of the registry means that it is there; a company proxy's refusal is another status. */
async function isReachable(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3_000) })
    return response.status === 200 || response.status === 401
  } catch {
    // Whatever the reason, the packages are the other way.
    return false
  }
}

async function importRoot(buildah: Buildah, image: string, root: string, options: BuildahOptions): Promise<void> {
  const purpose = `importing the root file system of ${image}`
  const made = await buildah.run(purpose, ['from', '--quiet', 'scratch'], options)
  const container = made.stdout.trim()
  try {
    await buildah.run(purpose, ['add', '--quiet', container, root, '/'], options)
    await buildah.run(purpose, ['config', '--cmd', 'bash', '--env', 'LANG=C.UTF-8', container], options)
    await buildah.run(purpose, ['commit', '--quiet', '--rm', container, image], options)
  } finally {
    await buildah.try(['rm', container])
  }
}
