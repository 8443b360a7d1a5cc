import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  bootstrapKey,
  createRooms,
  signedInAs,
  startHouse,
  type TestHouse,
  testPlans,
  testSite,
} from '../../src/api/testing.ts'
import type { ApiDeps } from '../../src/api/deps.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { clusterParts } from '../../src/actions/cluster.ts'
import type { PoolProvider } from '../../src/actions/engine-root.ts'
import { accountActions } from '../../src/books/books-actions.ts'
import { parseKeyRing } from '../../src/base/key-ring.ts'
import { silentLog } from '../../src/base/log.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import { testJoining } from '../../src/clusters/testing.ts'
import type { RancherHandover } from '../../src/clusters/ordered-pools.ts'
import { createStateStore } from '../../src/clusters/terraform-states.ts'
import { bellOf } from '../../src/commands/bell.ts'
import type { Db } from '../../src/db/database.ts'
import { createLifecycle } from '../../src/deployments/lifecycle.ts'
import type { SiteFacts } from '../../src/deployments/site-facts.ts'
import { Engine } from '../../src/engine/engine.ts'
import { lockHolder } from '../../src/engine/locks.ts'
import { createFakeCluster, createFakeOutside, createFakeServers } from './fake-outside.ts'

const engineKeys = parseKeyRing(`k1:${Buffer.alloc(32, 2).toString('base64')}`, 'the test')
const project = resolve(import.meta.dirname, '../..')

/** What answers look like to a caller. */
export interface Answer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every route
  readonly body: any
}

/** Parts of the outside world that may be real ones of the caller's. */
type OutsideParts = Pick<Parameters<typeof accountActions>[0], 'mongodb' | 'rabbitmq' | 'kubernetes' | 'helm'>

interface Wishes {
  readonly openid?: ApiDeps['openid']
  readonly real?: Partial<OutsideParts>
  /** What `up` handed over of the site's Rancher. */
  readonly rancher?: () => RancherHandover
}

function rancherProvider(handed: () => RancherHandover): PoolProvider {
  const none = async () => ({})
  const rancher = { site: 'omega', handover: async () => handed(), sizes: none, takeServiceTokens: async () => {} }
  const provider = { provider: 'rancher', title: 'A Rancher', nodeTypes: {} }
  return { provider, site: { cluster: 'omega', endpoint: '', ca: '' }, env: {}, rancher }
}

/**
 * The whole service with the catalogue's own plans on a fake outside world; its engine runs once `engine.start()` is
 * called. With databases given, API and engine have one each, as two processes do: migrated, and the caller's to close.
 */
export async function startService(
  databases?: { readonly api: Db; readonly engine: Db },
  site: SiteFacts = testSite,
  pages?: string,
  { openid, real = {}, rancher }: Wishes = {},
) {
  const ahead = { ms: 0 }
  const clock: Clock = { now: () => systemClock.now() + ahead.ms, sleep: systemClock.sleep.bind(systemClock) }
  const house = await startHouse({
    clock,
    site,
    ...(databases === undefined ? {} : { db: databases.api }),
    ...(pages === undefined ? {} : { pages }),
    openid,
  })
  const outside = createFakeOutside()
  const roots = mkdtempSync(join(tmpdir(), 'cloudmgr-roots-'))
  const { servers, openMongodb } = createFakeServers()
  const parts = {
    ...outside,
    ...real,
    openMongodb,
    clock,
    manifests: join(project, 'catalog/manifests'),
    charts: join(project, 'charts'),
    roots: {
      terraform: outside.terraform,
      states: { credentialFor: () => ({ env: {}, refused: () => undefined, end: () => {} }) },
      provider: rancher === undefined ? providerOf(site.provider) : rancherProvider(rancher),
      folder: roots,
      modules: join(project, 'terraform'),
    },
  }
  const db = databases?.engine ?? house.db
  /** What lies in clusters beside the site's own, by their names. */
  const beside = new Map<string, ReturnType<typeof createFakeCluster>>()
  const enter = (name: string) => {
    const found = beside.get(name) ?? createFakeCluster()
    beside.set(name, found)
    return found
  }
  const clusters = clusterParts({ db, keys: { engine: engineKeys, settings: engineKeys }, enter })
  const lifecycle =
    databases === undefined ? house.lifecycle : createLifecycle({ ...createRooms(db, clock, site), plans: testPlans })
  const rows = { db, plans: testPlans, context: lifecycle.context }
  // Roots that the fake keeps: no database holds their states.
  const store = createStateStore(db, engineKeys, () => clock.now())
  const states = { ...store, filledRoots: async () => outside.terraform.filledRoots() }
  const actions = accountActions({ ...parts, clusters }, { ...rows, states, holding: lockHolder(db, clock) })
  const makeEngine = () =>
    new Engine({ ...lifecycle, db, actions, plans: testPlans, clock, log: silentLog }, { pollMs: 100 })
  const engine = makeEngine()
  let running = engine
  /** Another engine goes on where the stopped one was. */
  const restart = async () => {
    running = makeEngine()
    await running.start()
  }
  const close = async () => {
    await running.stop()
    await house.close()
    rmSync(roots, { recursive: true, force: true })
  }
  /** The clock goes on by this much at once. */
  const pass = (ms: number) => void (ahead.ms += ms)
  return { ...house, ...callers(house), outside, beside, states, servers, roots, engine, restart, close, pass }
}

/** The cloud that machines are ordered of, where the fakes know it. */
function providerOf(name: string | undefined): PoolProvider | undefined {
  if (name !== 'local' && name !== 'hcloud') return undefined
  const provider = loadProvider(join(project, 'catalog/providers'), name)
  if (name === 'local')
    return { provider, site: { cluster: 'omega', endpoint: 'https://10.0.0.1:7443', ca: 'CA' }, env: {} }
  const hcloud = async () => ({ joining: testJoining, agentToken: 'of-the-site' })
  return { provider, site: { cluster: 'omega', endpoint: '', ca: '' }, env: { HCLOUD_TOKEN: 'TOKEN' }, hcloud }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export function callers(house: TestHouse) {
  async function send(method: Method, url: string, headers: Record<string, string>, payload?: object): Promise<Answer> {
    const side = url.startsWith('/api/v1') ? house.inside : house.open
    const answer = await side.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
    return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() }
  }

  /** Waits for rows, not for time: until the order and what it has ordered have ended. */
  async function ended(command: number): Promise<void> {
    const bell = bellOf(house.db)
    for (;;) {
      const rung = Promise.withResolvers<void>()
      const deaf = bell.listen(rung.resolve)
      if (await hasAllEnded(command)) return deaf()
      await Promise.race([rung.promise, new Promise((done) => setTimeout(done, 20))])
      deaf()
    }
  }

  async function hasAllEnded(command: number): Promise<boolean> {
    const either = house.db
      .selectFrom('commands')
      .select('ended_at')
      .where(({ or, eb }) => or([eb('id', '=', command), eb('issued_by', '=', command)]))
    const rows = await either.execute()
    return rows.length > 0 && rows.every(({ ended_at: at }) => at !== null)
  }

  return {
    ended,
    as: (userid: string, apikey: string) => {
      const own = signedInAs(userid, apikey)
      return {
        get: async (url: string) => await send('GET', url, own),
        post: async (url: string, body: object = {}, headers: Record<string, string> = {}) =>
          await send('POST', url, { ...own, ...headers }, body),
        put: async (url: string, body: object = {}, headers: Record<string, string> = {}) =>
          await send('PUT', url, { ...own, ...headers }, body),
        patch: async (url: string, body: object, headers: Record<string, string> = {}) =>
          await send('PATCH', url, { ...own, ...headers }, body),
        delete: async (url: string, headers: Record<string, string> = {}) =>
          await send('DELETE', url, { ...own, ...headers }),
      }
    },
    /** Without any credentials. */
    anybody: {
      get: async (url: string, headers: Record<string, string> = {}) => await send('GET', url, headers),
      post: async (url: string, body: object, headers: Record<string, string> = {}) =>
        await send('POST', url, headers, body),
    },
    bootstrap: async (body: object = {}, key = bootstrapKey) =>
      await send('POST', '/api/v2/bootstrap', { authorization: `Bootstrap ${key}` }, body),
    revoke: async (key = bootstrapKey) =>
      await send('DELETE', '/api/v2/bootstrap', { authorization: `Bootstrap ${key}` }),
  }
}

export type Service = Awaited<ReturnType<typeof startService>>
