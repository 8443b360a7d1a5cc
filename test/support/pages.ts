import { AxeBuilder } from '@axe-core/playwright'
import { execa } from 'execa'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import type { ApiDeps } from '../../src/api/deps.ts'
import { siteWith } from '../../src/api/testing.ts'
import { startService } from '../journeys/house.ts'
import { freePort } from './programs.ts'

const project = resolve(import.meta.dirname, '../..')

/** Builds the pages into a folder of the caller's. */
export async function buildPages(folder: string): Promise<void> {
  const words = ['build', '--outDir', folder, '--emptyOutDir', '--logLevel', 'warn']
  await execa(join(project, 'node_modules/.bin/vite'), words, { cwd: join(project, 'web') })
}

/** Another issuer for the sign-in page: what the site says of it, and what asks it. */
interface Outside {
  readonly facts: object
  readonly deps: ApiDeps['openid']
}

/** The whole service with its pages on a port, as browsers see it. */
export async function servePages(folder: string, signUp: object = {}, outside?: (url: string) => Promise<Outside>) {
  const port = await freePort()
  const url = `http://hub.omega.localhost:${port}`
  const { facts: openid, deps } = (await outside?.(url)) ?? {}
  const site = siteWith({ publicUrl: url, openid, signUp: { open: true, runtime: 'shared', ...signUp } })
  const service = await startService(undefined, site, folder, { openid: deps })
  await service.open.listen({ host: '127.0.0.1', port })
  const { body } = await service.bootstrap({ admin: { password: adminPassword } })
  return { ...service, url, admin: service.as('admin', body.admin.apikey as string) }
}

export type Pages = Awaited<ReturnType<typeof servePages>>

export const adminPassword = 'the admin’s password'

/** Collects what a page must not do: errors in its code or on its console, and whatever its policy had to stop. */
export function watch(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    // The browser notes every refusal of the API, also the expected ones.
    if (/status of (4\d\d|503)/.test(message.text()) && message.location().url.includes('/api/')) return
    complaints.push(`${message.type()}: ${message.text()}`)
  })
  return complaints
}

/** What keeps people from using the page: in light and dark, on a screen and on a phone. */
export async function hurdles(page: Page): Promise<string[]> {
  const found: string[] = []
  const size = page.viewportSize() ?? { width: 1280, height: 800 }
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [size.width, 360]) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor()
      await page.setViewportSize({ width, height: size.height })
      const where = `${new URL(page.url()).pathname} in ${colorScheme}, ${width} wide`
      const { violations } = await new AxeBuilder({ page }).analyze()
      for (const { id, nodes } of violations) found.push(`${where}: ${id} ${nodes.map((node) => node.html).join(' ')}`)
      const isWide = await page.evaluate('document.documentElement.scrollWidth > window.innerWidth')
      if (isWide === true) found.push(`${where}: scrolls sideways`)
    }
  }
  await page.setViewportSize(size)
  return found
}
