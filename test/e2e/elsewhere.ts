import { copyFileSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { withPage } from '../support/browser.ts'
import { type OtherMachine, otherMachine } from '../support/other-machine.ts'
import { type Printed, readPrinted } from '../support/printed.ts'
import type { TestSite } from './cli.ts'
import { outcomeOf } from './client.ts'
import { closedPlaces } from './cluster.ts'
import { nodePorts } from '../../src/site/site.ts'

/**
 * Lets another machine reach the site, under another domain, and uses it from there with what was printed alone: the
 * client with its database and broker, the portal and a notebook in the browser.
 */
export async function useFromElsewhere(site: TestSite): Promise<void> {
  const far = await otherMachine()
  try {
    const domain = `${site.name}.internal`
    const answer = await site.run('up', '--listen', far.address, '--domain', domain)
    const printed = readPrinted(answer.stdout, far.home)
    const [from, name] = printed.authority
    copyFileSync(from, join(far.home, name))
    far.pasteHosts([printed.hosts])
    await useClient(site, far, printed)
    await useBrowser(far, printed, readFileSync(from, 'utf8'), domain)
    await tryWayRound(site, far)
  } finally {
    await far.close()
  }
}

/** Whoever shares a network with this machine may send packets for the site's own addresses to it: they end there. */
async function tryWayRound(site: TestSite, far: OtherMachine): Promise<void> {
  await far.route('10.231.0.0/16')
  const places = Object.entries(await closedPlaces(site)).filter(([, [host]]) => host.startsWith('10.231.'))
  const [server] = places.find(([what]) => what.startsWith('the API server'))?.[1] ?? ['']
  const plain = Object.values(nodePorts).map((port) => [`node port ${port}`, [server, port] as const] as const)
  const all = [...places, ...plain]
  expect(all.length).toBeGreaterThan(6)
  const attempts = all.map(async ([what, [host, port]]) => {
    const text = `timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}' && echo open || echo closed`
    expect((await far.run('bash', ['-c', text])).stdout, `${what}, ${host}:${port}`).toBe('closed')
  })
  await Promise.all(attempts)
}

async function useClient(site: TestSite, far: OtherMachine, printed: Printed): Promise<void> {
  const python = process.env['CLOUDMGR_TEST_PYTHON'] ?? 'python3'
  const program = resolve(import.meta.dirname, 'far.py')
  const words = [program, 'ping', String(site.portBase), ...printed.login]
  const done = await far.run(python, words, printed.variables)
  const outcome = outcomeOf<Record<string, unknown>>('far.py', done)
  const domain = new URL(printed.portal).hostname.replace(/^hub\./, '')
  const strangers = outcome['strangers'] as Record<string, unknown>
  expect(outcome).toMatchObject({
    login: { code: 0 },
    ping: { code: 0, output: expect.stringContaining('ping return message') },
    sum: 45,
    mongo: `mongo.${domain}:${site.portBase + 2}`,
    broker: `broker.${domain}:${site.portBase + 3}`,
    strangers: {
      mongo: 'ServerSelectionTimeoutError',
      'mongo plain': expect.stringMatching(/AutoReconnect|ServerSelectionTimeoutError/),
      http: 'ConnectionRefusedError',
      api: 'SSLError',
    },
  })
  expect(strangers['ping']).not.toBe(0)
}

async function useBrowser(far: OtherMachine, printed: Printed, authority: string, domain: string): Promise<void> {
  far.importAuthority(authority)
  const chromium = await far.wrap('/usr/bin/chromium')
  await withPage(async (page) => {
    await page.goto(printed.portal, { timeout: 60_000 })
    await page.getByLabel(/e-mail address or userid/i).fill('admin')
    await page.getByLabel('Password', { exact: true }).fill(printed.adminPassword)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'Accounts' }).first().waitFor({ timeout: 60_000 })
    const cookies = await page.context().cookies()
    expect(cookies.find(({ name }) => name === '__Host-cloudmgr')).toMatchObject({ secure: true, httpOnly: true })
  }, chromium)
  await withPage(async (page) => {
    await page.goto(printed.notebook, { timeout: 60_000 })
    await page.getByLabel(/user/i).fill('demo')
    await page.getByLabel(/password|key/i).fill(printed.demoKey)
    await page.getByRole('button', { name: /sign in/i }).click()
    await page.waitForURL(/\/lab/, { timeout: 120_000 })
    expect(new URL(page.url()).host).toBe(`demo.notebook.${domain}:${new URL(printed.notebook).port}`)
  }, chromium)
}
