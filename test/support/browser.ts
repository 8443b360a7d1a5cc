import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'

const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']

/** Debian's Chromium, headless, with a profile of its own that is thrown away. `*.localhost` is the loopback to it. */
export async function withPage<T>(use: (page: Page) => Promise<T>, program = '/usr/bin/chromium'): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), 'cloudmgr-browser-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    headless: true,
    args: [...quiet, '--disable-component-update', '--disable-sync'],
    viewport: { width: 1280, height: 800 },
  })
  try {
    return await use(await context.newPage())
  } finally {
    await context.close()
    rmSync(profile, { recursive: true, force: true })
  }
}
