import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { withPage } from '../support/browser.ts'
import type { TestSite } from './cli.ts'
import { kubectl, podIn } from './cluster.ts'
import type { Person } from './people.ts'

/** Signs in to JupyterHub in the browser, makes a notebook and runs a cell that sees the account's store. */
export async function openNotebook(site: TestSite, address: string, who: Person): Promise<void> {
  await withPage(async (page) => {
    await signIn(page, address, who)
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

async function signIn(page: Page, address: string, who: Person): Promise<void> {
  await page.goto(address, { timeout: 60_000 })
  await page.getByLabel(/user/i).fill(who.userid)
  await page.getByLabel(/password|key/i).fill(who.apikey)
  await page.getByRole('button', { name: /sign in/i }).click()
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

/**
 * Suspends the account's notebooks, sees that the hub starts none and says why, resumes them, and starts one once the
 * account's runtime `gpu` is there: what that has as packages, the notebook has as well.
 */
export async function openNotebookAfterSuspension(site: TestSite, address: string, who: Person): Promise<void> {
  const order = (phase: string) => site.run('order', phase, 'jupyter', '--account', who.userid)
  const hub = await hubOf(address, who)
  await order('add')
  await order('suspend')
  const reason = new RegExp(`notebooks of ${who.userid} are suspended; nothing is lost. Resume`)
  const refusal = { status: 409, message: expect.stringMatching(reason) }
  expect(await hub('POST', 'server')).toEqual({ status: 409, body: refusal })
  await withPage(async (page) => {
    await signIn(page, address, who)
    await page.getByText(reason).waitFor({ timeout: 60_000 })
  })
  await order('resume')
  const runtimes = async () => {
    const headers = { authorization: `ApiKey ${who.userid}:${who.apikey}` }
    return await (await fetch(`${who.apiUrl}/api/v2/deployments?plan=runtime`, { headers })).json()
  }
  const delivered = { deployments: [{ instance: 'gpu', status: 5 }] }
  await expect.poll(runtimes, { timeout: 600_000, interval: 1000 }).toMatchObject(delivered)
  expect((await hub('POST', 'server')).status).toBeLessThan(300)
  const ready = async () => (await hub('GET', '')).body['servers']
  await expect.poll(ready, { timeout: 180_000, interval: 1000 }).toMatchObject({ '': { ready: true } })
  const { name, namespace } = await podIn(site, `om-${who.userid}`)
  const program = 'import greeting; print(greeting.VERSION)'
  expect(await kubectl(site, 'exec', '-n', namespace, name, '--', 'python3', '-c', program)).toBe('1.0')
  await hub('DELETE', 'server')
}

/** Asks JupyterHub about the person's own server, by a token of the person. */
async function hubOf(address: string, { userid, apikey }: Person) {
  const ask = async (method: string, path: string, headers: Record<string, string>, body?: object) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await fetch(`${address}/hub/api/users/${userid}${path}`, { method, headers, ...sent })
    const text = await answer.text()
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> }
  }
  const signedIn = await ask('POST', '/tokens', {}, { auth: { username: userid, password: apikey }, expires_in: 900 })
  const authorization = `token ${String(signedIn.body['token'])}`
  return async (method: string, part: string) => await ask(method, part === '' ? '' : `/${part}`, { authorization })
}

/** Until the server has started; a failure says what the page says. */
async function untilLab(page: Page): Promise<void> {
  await page.waitForURL(/\/lab/, { timeout: 180_000 }).catch(async (cause: unknown) => {
    throw new Error(`at ${page.url()}: ${await page.locator('body').innerText()}`, { cause })
  })
}
