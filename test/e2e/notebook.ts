import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { withPage } from '../support/browser.ts'
import type { TestSite } from './cli.ts'
import type { Person } from './people.ts'

/** Signs in to JupyterHub in the browser, makes a notebook and runs a cell that sees the account's store. */
export async function openNotebook(site: TestSite, address: string, who: Person): Promise<void> {
  await withPage(async (page) => {
    await page.goto(address, { timeout: 60_000 })
    await page.getByLabel(/user/i).fill(who.userid)
    await page.getByLabel(/password|key/i).fill(who.apikey)
    await page.getByRole('button', { name: /sign in/i }).click()
    await untilLab(page)
    expect(new URL(page.url()).hostname).toBe(`${who.userid}.notebook.${site.domain}`)
    await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click({ timeout: 120_000 })
    const program = 'import omegaml as om; print("sees", len(om.datasets.list()), "datasets")'
    const cell = page.locator('.jp-Notebook .jp-Cell .cm-content').first()
    await cell.click({ timeout: 60_000 })
    await page.keyboard.type(program)
    await cell.filter({ hasText: program }).waitFor()
    const output = page.locator('.jp-OutputArea-output', { hasText: /sees [1-9]\d* datasets/ })
    // The kernel may not be connected yet: what is run before is not run at all.
    await expect
      .poll(
        async () => {
          await cell.press('Control+Enter')
          return await output.waitFor({ timeout: 20_000 }).then(() => 'seen', String)
        },
        { timeout: 180_000 },
      )
      .toBe('seen')
  })
}

/** Signs in to the portal with a password, and goes on to the notebook from there without signing in again. */
export async function openNotebookFromPortal(
  site: TestSite,
  portal: string,
  name: string,
  password: string,
): Promise<void> {
  await withPage(async (page) => {
    await page.goto(portal, { timeout: 60_000 })
    await page.getByLabel(/e-mail address or userid/i).fill(name)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const opened = page.waitForEvent('popup')
    await page.getByRole('link', { name: 'Notebook' }).click()
    const notebook = await opened
    await untilLab(notebook)
    expect(new URL(notebook.url()).hostname).toBe(`${name}.notebook.${site.domain}`)
  })
}

/** Until the server has started; a failure says what the page says. */
async function untilLab(page: Page): Promise<void> {
  await page.waitForURL(/\/lab/, { timeout: 180_000 }).catch(async (cause: unknown) => {
    throw new Error(`at ${page.url()}: ${await page.locator('body').innerText()}`, { cause })
  })
}
