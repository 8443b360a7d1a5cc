import { execa } from 'execa'
import { AppError } from '../base/errors.ts'
import { cleanEnv, findOnPath } from './process.ts'

/** What a site needs of Debian or Ubuntu, and why. */
export const debianPackages = {
  runc: 'starts containers',
  'containernetworking-plugins': 'loopback, host-local and portmap for pods',
  conntrack: 'kube-proxy forgets connections of removed pods',
  iptables: 'NetworkPolicy',
  ipset: 'NetworkPolicy',
  nftables: 'Services, and the way out of the site',
  iproute2: 'network namespaces and links',
  'util-linux': 'mount namespaces (nsenter, unshare, mount)',
  mount: 'mounts of machines',
  procps: 'sysctl',
  buildah: 'builds the images',
  mmdebstrap: 'the base of the images',
  'ca-certificates': 'trusts the registries of packages',
} as const

/** Runs a program and tells its exit code and whole output; never throws for a failure. */
export type Run = (
  program: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
) => Promise<{ code: number; output: string }>

export interface PackageOptions {
  /** Told before anything is installed. */
  readonly say: (line: string) => void
  readonly root?: boolean
  readonly run?: Run
  readonly signal?: AbortSignal
}

/** Those of `names` that are not installed; all of them on a system without dpkg. */
export async function missingPackages(names: readonly string[], run: Run = runProgram()): Promise<readonly string[]> {
  const { output } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names])
  const lines = output.split('\n').map((line) => line.trim())
  return names.filter((name) => !lines.includes(`${name} installed`))
}

/** Installs what is missing, after saying so; who is not root is told the line to type. */
export async function ensurePackages(names: readonly string[], options: PackageOptions): Promise<readonly string[]> {
  const run = options.run ?? runProgram(options.signal)
  const missing = await missingPackages(names, run)
  if (missing.length === 0) return []
  const line = `apt-get install --yes --no-install-recommends ${missing.join(' ')}`
  if ((await run('apt-get', ['--version'])).code !== 0) {
    throw refused(
      missing,
      `${missing.join(', ')} missing, and this is neither Debian nor Ubuntu: install what holds them here`,
    )
  }
  if (!(options.root ?? process.getuid?.() === 0))
    throw refused(missing, `Debian packages are missing; as root: ${line}`)
  options.say(`installing the Debian packages ${missing.join(' ')}`)
  await install(missing, line, run)
  return missing
}

async function install(missing: readonly string[], line: string, run: Run): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const args = ['install', '--yes', '--no-install-recommends', ...missing]
  // Package lists of a fresh machine are empty or old; a mirror that fails here may still serve what is needed.
  await run('apt-get', ['update'], env)
  const { code, output } = await run('apt-get', args, env)
  if (code === 0 && (await missingPackages(missing, run)).length === 0) return
  throw refused(
    missing,
    `installing Debian packages failed; as root: ${line}\n${output.trim().split('\n').slice(-8).join('\n')}`,
  )
}

function refused(missing: readonly string[], message: string): AppError {
  return new AppError('unavailable', 'packages-missing', message, { details: { missing } })
}

function runProgram(signal?: AbortSignal): Run {
  return async (program, args, env = {}) => {
    // dpkg and ip live where an ordinary user's PATH may not lead.
    const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
    if ((await findOnPath(program, path)) === undefined) return { code: 127, output: `${program} is missing` }
    const options = {
      env: { ...cleanEnv(), PATH: path, ...env },
      extendEnv: false,
      all: true,
      reject: false,
      stdin: 'ignore',
    } as const
    const result = await execa(program, args, signal === undefined ? options : { ...options, cancelSignal: signal })
    signal?.throwIfAborted()
    return { code: result.exitCode ?? 1, output: result.all ?? '' }
  }
}
