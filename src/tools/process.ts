import { constants } from 'node:fs'
import { access, readFile, readlink } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'

/** The program's path on PATH, as a shell would find it. */
export async function findOnPath(name: string, path: string = process.env['PATH'] ?? ''): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if (!folder.startsWith('/')) continue // a relative folder means another program in every place
    const candidate = join(folder, name)
    if (await isExecutable(candidate)) return candidate
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** What a program says, also on its error output; `undefined` when it can't be run or takes longer than five seconds. */
export async function outputOf(
  path: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const result = await execa(path, args, {
    env,
    extendEnv: false,
    all: true,
    timeout: 5000,
    reject: false,
    stdin: 'ignore',
  })
  return result.exitCode === 0 ? result.all : undefined
}

const passed = [
  'HOME',
  'PATH',
  'TMPDIR',
  'USER',
  'LANG',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'PIP_INDEX_URL',
  'PIP_CERT',
  'NODE_EXTRA_CA_CERTS',
  'NODE_USE_SYSTEM_CA',
  'CURL_CA_BUNDLE',
]

/** A clean environment: where things are, how the network is reached, nothing that changes what is built. */
export function cleanEnv(from: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept = Object.entries(from).filter(([name]) => passed.includes(name) || /^(https?|all|no)_proxy$/i.test(name))
  return Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/** Tells a process from a later one with the same number; `undefined` when it does not run. */
export async function processIdentity(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in parentheses and may hold anything: count from its end. Field 22 is the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return undefined
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    return `${boot}/${await readlink('/proc/self/ns/pid')}/${pid}/${fields[19]}`
  } catch {
    return undefined // no such process
  }
}
