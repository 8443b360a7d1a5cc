import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

/** Debian packages that only tests need: servers that stand for what runs in pods elsewhere, and a browser. */
const integrationPackages = ['mariadb-server', 'rabbitmq-server', 'openssl', 'unzip']
const e2ePackages = ['chromium', 'python3-venv']

function cacheFolder(): string {
  return process.env['CLOUDMGR_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cloudmgr')
}

/** Everything the integration tier starts: servers from Debian, programs built from pinned modules. */
export async function prepareIntegration(): Promise<NodeJS.ProcessEnv> {
  await installPackages(integrationPackages)
  return { ...process.env, CLOUDMGR_CACHE: cacheFolder(), CLOUDMGR_TOOLS_BIN: await tools() }
}

/** As above, and the real client in a Python environment of its own, and a browser. */
export async function prepareE2e(): Promise<NodeJS.ProcessEnv> {
  await installPackages(e2ePackages)
  return {
    ...process.env,
    CLOUDMGR_CACHE: cacheFolder(),
    CLOUDMGR_TOOLS_BIN: await tools(),
    CLOUDMGR_TEST_PYTHON: await clientEnvironment(),
  }
}

async function tools(): Promise<string> {
  const given = process.env['CLOUDMGR_TOOLS_BIN']
  if (given !== undefined) return given
  throw new Error('not yet')
}

async function installPackages(names: readonly string[]): Promise<void> {
  const missing: string[] = []
  for (const name of names) {
    const { stdout } = await execa('dpkg-query', ['-W', '-f', '${Status}', name], { reject: false })
    if (stdout !== 'install ok installed') missing.push(name)
  }
  if (missing.length === 0) return
  if (process.getuid?.() !== 0) throw new Error(`Debian packages are missing; as root: apt-get install -y ${missing.join(' ')}`)
  console.log(`installing the Debian packages ${missing.join(' ')}`)
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, stdout: 'ignore' } as const
  await execa('apt-get', ['update', '-qq'], options)
  const quiet = ['-qq', '-o', 'DPkg::Lock::Timeout=600', '--no-install-recommends']
  await execa('apt-get', ['install', '-y', ...quiet, ...missing], options)
}

/** A virtual environment with the pinned client; returns its Python. Made anew when the pins change. */
async function clientEnvironment(): Promise<string> {
  const requirements = 'images/omegaml-runtime/requirements.txt'
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(cacheFolder(), `client-${key}`)
  const python = join(folder, 'bin/python')
  if (existsSync(join(folder, '.complete'))) return python
  console.log('installing the omegaml client (a minute)')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(cacheFolder(), { recursive: true })
  await execa('python3', ['-m', 'venv', folder])
  await execa(join(folder, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', requirements])
  mkdirSync(join(folder, '.complete.part'), { recursive: true })
  renameSync(join(folder, '.complete.part'), join(folder, '.complete'))
  return python
}
