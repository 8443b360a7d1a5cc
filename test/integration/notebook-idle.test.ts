import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { withPage } from '../support/browser.ts'
import { freePort } from '../support/programs.ts'
import { clientPython } from '../support/runtime-worker.ts'
import { type ServerProcess, startServer, untilReady } from '../support/server-process.ts'

const image = resolve(import.meta.dirname, '../../images/omegaml-runtime/notebook')
const token = 'token-of-tests'

interface Notebook {
  readonly url: string
  readonly folder: string
  readonly server: ServerProcess
  call(path: string, method?: string, body?: unknown): Promise<Response>
  log(): string
}

const running: Notebook[] = []
afterEach(async () => {
  for (const { server, folder } of running.splice(0)) {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** JupyterLab as the image has it, with the server's extension and the page's. */
async function start(idleSeconds: number): Promise<Notebook> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-notebook-'))
  cpSync(join(image, 'cloudmgr_notebook'), join(folder, 'modules/cloudmgr_notebook'), { recursive: true })
  cpSync(join(image, 'labextension'), join(folder, 'share/labextensions/cloudmgr-notices'), { recursive: true })
  mkdirSync(join(folder, 'config/jupyter_server_config.d'), { recursive: true })
  cpSync(join(image, 'cloudmgr_notebook.json'), join(folder, 'config/jupyter_server_config.d/cloudmgr_notebook.json'))
  cpSync(join(image, 'page_config.json'), join(folder, 'config/labconfig/page_config.json'))
  const port = await freePort()
  const log = join(folder, 'log')
  const words = ['-m', 'jupyter', 'lab', '--no-browser', '--allow-root', `--ServerApp.port=${port}`]
  const more = ['--ServerApp.port_retries=0', `--IdentityProvider.token=${token}`, `--ServerApp.root_dir=${folder}`]
  const server = startServer(clientPython(), [...words, ...more], {
    log,
    cwd: folder,
    env: {
      HOME: folder,
      JUPYTER_CONFIG_PATH: join(folder, 'config'),
      JUPYTER_PATH: join(folder, 'share'),
      PYTHONPATH: join(folder, 'modules'),
      PYTHONUSERBASE: join(folder, 'packages'),
      PATH: `${resolve(clientPython(), '..')}:/usr/bin:/bin`,
      NOTEBOOK_IDLE_MINUTES: String(idleSeconds / 60),
    },
  })
  const url = `http://127.0.0.1:${port}`
  const headers = { authorization: `token ${token}`, 'content-type': 'application/json' }
  const call: Notebook['call'] = async (path, method = 'GET', body) =>
    await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const one = { url, folder, server, call, log: () => readFileSync(log, 'utf8') }
  running.push(one)
  await untilReady('jupyter', server, log, async () => (await call('/api/status')).ok)
  return one
}

async function told(one: Notebook): Promise<string[]> {
  const { notices } = (await (await one.call('/cloudmgr/notices')).json()) as { notices: { message: string }[] }
  return notices.map(({ message }) => message)
}

test('a server that is only looked at warns, and ends', async () => {
  const one = await start(12)
  expect(await told(one)).toEqual([])
  // What JupyterLab asks every few seconds is no use of the server.
  const look = async () => {
    await one.call('/api/contents')
    return await told(one)
  }
  await expect.poll(look, { timeout: 11_000, interval: 500 }).toEqual([expect.stringContaining('stops in 1 min')])
  await expect.poll(() => one.server.isAlive(), { timeout: 20_000 }).toBe(false)
  expect(one.log()).toContain('nobody used this server')
})

test('a kernel that works keeps its server, without a word and for as long as it takes', async () => {
  const one = await start(6)
  const kernel = (await (await one.call('/api/kernels', 'POST', { name: 'python3' })).json()) as { id: string }
  const program = `
import sys
from jupyter_client import BlockingKernelClient, find_connection_file
client = BlockingKernelClient(connection_file=find_connection_file(sys.argv[1]))
client.load_connection_file(); client.start_channels(); client.wait_for_ready(timeout=30)
client.execute_interactive("import time; time.sleep(20)", timeout=60)
print('worked')`
  const env = { HOME: one.folder, PATH: process.env['PATH'] ?? '' }
  const run = promisify(execFile)(clientPython(), ['-c', program, `kernel-${kernel.id}.json`], { env })
  expect((await run).stdout).toContain('worked')
  expect(one.server.isAlive()).toBe(true)
  await expect.poll(() => one.server.isAlive(), { timeout: 30_000 }).toBe(false)
})

test('JupyterLab shows what is to be known, and whoever is there keeps the server', async () => {
  const one = await start(60)
  mkdirSync(join(one.folder, 'packages'))
  writeFileSync(join(one.folder, 'packages/packages-failed.txt'), 'no such requirement: nonsense==1')
  await withPage(async (page) => {
    await page.goto(`${one.url}/lab?token=${token}`)
    await page.getByText('no such requirement').first().waitFor({ timeout: 60_000 })
    await page.getByText('Nobody has used this server').first().waitFor({ timeout: 90_000 })
    await page.screenshot({ path: process.env['SHOT'] ?? join(one.folder, 'shot.png') })
    await page.getByRole('button', { name: 'Keep it running' }).first().click()
    await expect.poll(() => told(one), { timeout: 10_000 }).toEqual([expect.stringContaining('nonsense')])
  })
})
