import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withPage } from '../support/browser.ts'
import { type TestSite, testSite } from './cli.ts'
import { runPython } from './client.ts'
import { kubectl, podIn, reaches } from './cluster.ts'

interface UpResult {
  readonly api: string
  readonly notebook: string
  readonly admin: { readonly userid: string; readonly password: string }
  readonly demo: { readonly userid: string; readonly apikey: string }
}

interface Created {
  readonly userid: string
  readonly apikey: string
  readonly apiUrl: string
  readonly status: string
  readonly readySeconds: number
}

interface UserOutcome {
  readonly login: { readonly code: number; readonly output: string }
  readonly ping: { readonly code: number; readonly output: string }
  readonly mongo: string
  readonly dataset: { readonly rows: number; readonly equal: boolean; readonly list: string[] }
  readonly accuracy: number
  readonly job: { readonly status: string; readonly list: string[] }
}

let site: TestSite
let up: UpResult
let anna: Created
let boris: Created

beforeAll(async () => {
  site = await testSite('e2e')
  up = await site.json<UpResult>('up', '--domain', site.domain, '--port-base', String(site.portBase))
  anna = await site.json<Created>('account', 'create', 'anna', '--email', 'anna@example.com')
  boris = await site.json<Created>('account', 'create', 'boris', '--email', 'boris@example.com')
})

afterAll(async () => {
  await site?.purge()
})

const actAs = (who: Created) => runPython<UserOutcome>('user.py', [who.userid, who.apiUrl], { APIKEY: who.apikey })

async function configOf(who: Created): Promise<Record<string, string>> {
  const answer = await fetch(`${up.api}/api/v1/config/`, {
    headers: { authorization: `ApiKey ${who.userid}:${who.apikey}` },
  })
  const body = (await answer.json()) as { objects: [{ data: Record<string, string> }] }
  return body.objects[0].data
}

describe('a new site', () => {
  test('prints where it is and how to sign in', () => {
    expect(up.api).toBe(`http://hub.${site.domain}:${site.portBase}`)
    expect(up.notebook).toBe(`http://notebook.${site.domain}:${site.portBase}`)
    expect(up.admin).toMatchObject({ userid: 'admin', password: expect.stringMatching(/^\w{12,}$/) })
    expect(up.demo).toMatchObject({ userid: 'demo', apikey: expect.stringMatching(/^\w{20,}$/) })
  })

  test('finds nothing to do the second time', async () => {
    const again = await site.json<UpResult>('up')
    expect(again).toEqual(up)
  })

  test('reports itself as healthy', async () => {
    const { stdout } = await site.run('status', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ ready: true })
  })
})

describe('a data scientist', () => {
  for (const [name, who] of [
    ['anna', () => anna],
    ['boris', () => boris],
  ] as const) {
    test(`${name} stores data, trains and predicts on the shared worker and runs a notebook as a job`, async () => {
      const outcome = await actAs(who())
      expect(outcome.login, outcome.login.output).toMatchObject({ code: 0 })
      expect(outcome.ping, outcome.ping.output).toMatchObject({
        code: 0,
        output: expect.stringContaining('ping return message'),
      })
      expect(outcome.mongo).toMatch(new RegExp(`^mongo\\.${site.domain}:${site.portBase + 2}/`))
      expect(outcome.dataset).toMatchObject({ rows: 178, equal: true })
      expect(outcome.accuracy).toBeGreaterThan(0.9)
      expect(outcome.job).toMatchObject({ status: 'OK' })
    })
  }
})

describe('another account with valid credentials', () => {
  test('is refused the database, the queues, the configuration and the account of its neighbour', async () => {
    const victim = await configOf(boris)
    const database = new URL(victim['OMEGA_MONGO_URL'] ?? '').pathname.slice(1)
    const outcome = await runPython<Record<string, string | number>>('intruder.py', ['anna', anna.apiUrl, 'boris'], {
      APIKEY: anna.apikey,
      VICTIM_DATABASE: database,
    })
    const { 'own database': own, ...others } = outcome
    expect(own).toMatch(/^done/)
    for (const [attempt, result] of Object.entries(others)) {
      if (typeof result === 'number') expect([401, 403, 404], attempt).toContain(result)
      else expect(result, attempt).toMatch(/^refused/)
    }
  })
})

describe('a notebook', () => {
  test('opens in the browser after signing in with userid and API key, and runs a cell', async () => {
    for (const who of [anna, boris]) await openNotebook(who)
  })

  test('is reachable by nobody but the hub and the ingress, and reaches only what it may', async () => {
    const [annas, boriss] = await Promise.all([podIn(site, 'om-anna'), podIn(site, 'om-boris')])
    expect(await reaches(site, annas, boriss.ip, 8888), 'the neighbour’s notebook').toBe(false)
    expect(await reaches(site, annas, 'kubernetes.default.svc.cluster.local', 443), 'the API server').toBe(false)
    expect(await reaches(site, annas, '169.254.169.254', 80), 'the metadata address').toBe(false)
    expect(await reaches(site, annas, 'mysql.omegaml-services.svc.cluster.local', 3306), 'the SQL database').toBe(false)
    expect(await reaches(site, annas, 'mongodb.omegaml-services.svc.cluster.local', 27017), 'its database').toBe(true)
    expect(await reaches(site, annas, 'omegaweb.omegaml-services.svc.cluster.local', 8080), 'the hub').toBe(true)
  })

  async function openNotebook(who: Created): Promise<void> {
    await withPage(async (page) => {
      await page.goto(up.notebook, { timeout: 60_000 })
      await page.getByLabel(/user/i).fill(who.userid)
      await page.getByLabel(/password|key/i).fill(who.apikey)
      await page.getByRole('button', { name: /sign in/i }).click()
      await page.waitForURL(/\/lab/, { timeout: 240_000 })
      expect(new URL(page.url()).hostname).toBe(`${who.userid}.notebook.${site.domain}`)
      await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click({ timeout: 120_000 })
      const cell = page.locator('.jp-Notebook .jp-Cell .cm-content').first()
      await cell.click({ timeout: 60_000 })
      await page.keyboard.type('import omegaml as om; print("sees", len(om.datasets.list()), "datasets")')
      await page.keyboard.press('Shift+Enter')
      await page.locator('.jp-OutputArea-output', { hasText: /sees \d+ datasets/ }).waitFor({ timeout: 120_000 })
    })
  }
})

describe('bad input', () => {
  const cases: { words: string[]; code: number; says: RegExp; why: string }[] = [
    {
      words: ['account', 'create', 'anna', '--email', 'x@example.com'],
      code: 4,
      says: /anna/,
      why: 'a taken name is refused by name',
    },
    {
      words: ['account', 'create', 'An na', '--email', 'x@example.com'],
      code: 2,
      says: /name/,
      why: 'a malformed name is explained',
    },
    {
      words: ['account', 'create', 'carla', '--email', 'nonsense'],
      code: 2,
      says: /email/,
      why: 'a malformed mail address is explained',
    },
    { words: ['account', 'show', 'nobody'], code: 3, says: /nobody/, why: 'an unknown account is named' },
  ]
  for (const { words, code, says, why } of cases) {
    test(why, async () => {
      const answer = await site.attempt(...words)
      expect(answer.code, answer.stderr).toBe(code)
      expect(answer.stderr).toMatch(says)
    })
  }
})

describe('an account that is removed', () => {
  test('leaves nothing behind, and its key stops working at once', async () => {
    const carla = await site.json<Created>('account', 'create', 'carla', '--email', 'carla@example.com')
    await site.run('account', 'remove', 'carla', '--yes')
    const answer = await fetch(`${up.api}/api/v1/config/`, {
      headers: { authorization: `ApiKey carla:${carla.apikey}` },
    })
    expect(answer.status).toBe(401)
    expect(await kubectl(site, 'get', 'namespaces', '-o', 'name')).not.toContain('om-carla')
  })
})

describe('everything still there', () => {
  test('after a machine was lost and the next up replaced it', async () => {
    const before = await kubectl(site, 'get', 'node', 'node-1', '-o', 'jsonpath={.metadata.uid}')
    await site.run('dev-lose-machine', 'node-1')
    await site.run('up')
    expect(await kubectl(site, 'get', 'node', 'node-1', '-o', 'jsonpath={.metadata.uid}')).not.toBe(before)
    expect((await actAs(anna)).accuracy).toBeGreaterThan(0.9)
  })

  test('after down and up', async () => {
    const config = await configOf(anna)
    await site.run('down')
    const again = await site.json<UpResult>('up')
    expect(again).toEqual(up)
    expect(await configOf(anna)).toEqual(config)
    const outcome = await actAs(anna)
    expect(outcome.dataset.list).toContain('wine')
    expect(outcome.job.list).toContain('sums.ipynb')
  })
})

describe('down --purge', () => {
  test('leaves no process, mount, network interface, firewall rule, cgroup, hosts line or file', async () => {
    const answer = await site.purge()
    expect(answer.code, answer.stdout + answer.stderr).toBe(0)
    expect(readFileSync('/etc/hosts', 'utf8')).not.toContain(site.domain)
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(site.state)
  })
})
