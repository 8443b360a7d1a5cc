import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { allTools } from '../src/tools/catalogue.ts'
import { cacheFolder, ensureTools } from '../src/tools/ensure.ts'
import { describe, type ToolEvent } from '../src/tools/events.ts'
import { ensurePackages } from '../src/tools/packages.ts'

/** Debian packages that only tests need: servers that stand for what runs in pods elsewhere, a browser, a shell. */
const integrationPackages = ['mariadb-server', 'rabbitmq-server', 'openssl', 'unzip', 'chromium', 'zsh', 'python3-venv']
const e2ePackages = ['chromium', 'python3-venv']

/** What the integration tier starts: servers from Debian, programs built from pinned modules, the real client. */
export async function prepareIntegration(): Promise<NodeJS.ProcessEnv> {
  return await prepared(integrationPackages)
}

export async function prepareE2e(): Promise<NodeJS.ProcessEnv> {
  return await prepared(e2ePackages)
}

async function prepared(packages: readonly string[]): Promise<NodeJS.ProcessEnv> {
  await installPackages(packages)
  return {
    ...process.env,
    CLOUDMGR_CACHE: cacheFolder(),
    CLOUDMGR_TOOLS_BIN: await tools(),
    CLOUDMGR_TEST_PYTHON: await clientEnvironment(),
  }
}

/** The folder that holds every program: found, cached or built, as `up` does it. */
async function tools(): Promise<string> {
  const onProgress = (event: ToolEvent): void => console.log(describe(event))
  return (await ensureTools(allTools, { onProgress })).bin
}

async function installPackages(names: readonly string[]): Promise<void> {
  await ensurePackages(names, { say: (line) => console.log(line) })
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
