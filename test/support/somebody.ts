import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { execa, execaSync } from 'execa'
import type { ToolName } from '../../src/tools/catalogue.ts'
import { cacheFolder } from '../../src/tools/ensure.ts'

/** The user that owns nothing, on every Debian. */
const nobody = 65534

/** Somebody without rights on this host, with a home and a cache of their own. */
export interface Somebody {
  readonly home: string
  /** Runs ./cloudmgr with these words as them. Never throws for an exit code. */
  cloudmgr(words: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>
  /** Numbers of their living processes. */
  processes(): number[]
  /** Ends whatever they left, and removes their home. */
  remove(): void
}

/** With programs of the cache at hand, so that nothing is built for them. Who runs the tests without root is somebody already. */
export function createSomebody(programs: readonly ToolName[]): Somebody {
  const isRoot = process.getuid?.() === 0
  const home = mkdtempSync(join(tmpdir(), 'cm-'))
  const cache = join(home, 'cache')
  for (const program of programs) lend(join(cacheFolder(), 'tools', program), join(cache, 'tools', program))
  const project = readable(resolve(import.meta.dirname, '../..'), home)
  if (isRoot) execaSync('find', [home, '-type', 'd', '-exec', 'chown', `${nobody}:${nobody}`, '{}', '+'])
  const become = isRoot ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] : ['env']
  const env = {
    // Without the tests' own programs: which Go is found is part of what a program in the cache is.
    PATH: `${(process.env['PATH'] ?? '').split(delimiter).join(':')}:/usr/sbin:/sbin`,
    HOME: home,
    LANG: 'C.UTF-8',
    CLOUDMGR_CACHE: cache,
    CLOUDMGR_HOME: join(home, 'sites'),
  }
  const processes = () => {
    const { stdout } = execaSync('pgrep', ['-f', home], { reject: false })
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(Number)
  }
  return {
    home,
    processes,
    cloudmgr: async (words) => {
      const [program = '', ...rest] = [...become, join(project, 'cloudmgr'), ...words]
      const options = { env, extendEnv: false, cwd: home, reject: false, stdin: 'ignore' } as const
      const { exitCode = -1, stdout, stderr } = await execa(program, rest, options)
      return { exitCode, stdout, stderr }
    },
    remove: () => {
      for (const pid of processes()) process.kill(pid, 'SIGKILL')
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Hard links where that is possible: a site's programs are half a gigabyte. */
function lend(from: string, to: string): void {
  if (!existsSync(from)) throw new Error(`${from} is missing: the tests' programs are built before`)
  mkdirSync(join(to, '..'), { recursive: true })
  const linked = execaSync('cp', ['-al', from, to], { reject: false })
  if (linked.exitCode === 0) return
  rmSync(to, { recursive: true, force: true })
  execaSync('cp', ['-a', from, to])
}

/** The checkout, or a copy of it where others may not look at it. */
function readable(project: string, home: string): string {
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'test', '-r', join(project, 'package.json')]
  if (process.getuid?.() !== 0 || execaSync('setpriv', asNobody, { reject: false }).exitCode === 0) return project
  const copy = join(home, 'project')
  const names = [
    'cloudmgr',
    'package.json',
    'package-lock.json',
    'src',
    'catalog',
    'charts',
    'terraform',
    'tools',
    'web',
  ]
  for (const name of [...names, 'images', 'node_modules'])
    cpSync(join(project, name), join(copy, name), { recursive: true, verbatimSymlinks: true })
  return copy
}
