import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestSite, testSite } from './cli.ts'
import { expectRefused, intrudeFromOutside, intrudeFromPod } from './intruder.ts'
import { useFromElsewhere } from './elsewhere.ts'
import {
  closedPlaces,
  freeze,
  isPrepared,
  killEverything,
  kubectl,
  memoryGb,
  type Places,
  podIn,
  reaches,
  tagImage,
  upgrade,
} from './cluster.ts'
import { useSecondCluster } from './clusters.ts'
import { adminOf, crowd, untilDone } from './many.ts'
import {
  configOf,
  rotateAs,
  configStatus,
  createAccount,
  type Person,
  type UpResult,
  waitsOf,
  workAs,
} from './people.ts'
import { OutageWatch } from './outage-watch.ts'
import { openNotebook, openNotebookFromPortal } from './notebook.ts'
import { orderEverything } from './orders.ts'
import { packageIndex } from './packages.ts'
import { openPlaces, secretsOf } from './secrets.ts'

let site: TestSite
let up: UpResult
let anna: Person
let boris: Person

beforeAll(async () => {
  site = await testSite('e2e')
  up = await site.json<UpResult>(
    'up',
    '--domain',
    site.domain,
    '--port-base',
    String(site.portBase),
    '--package-index',
    packageIndex,
  )
  anna = await createAccount(site, 'anna')
  boris = await createAccount(site, 'boris')
})

afterAll(async () => {
  await site?.purge()
})

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
    expect(await site.json('status')).toMatchObject({ state: 'up', profile: 'single-node' })
    expect(await site.json('doctor')).toMatchObject({ ok: true })
  })

  test('takes less than 8 GB with its control plane', async () => {
    expect(await memoryGb(site)).toBeLessThan(8)
  })
})

describe('a data scientist', () => {
  for (const [name, who] of [
    ['anna', () => anna],
    ['boris', () => boris],
  ] as const) {
    test(`${name} stores data, trains and predicts on the shared worker and runs a notebook as a job`, async () => {
      expect((await workAs(site, who())).before).toEqual({ datasets: [], jobs: [] })
    })
  }
})

describe('another account with valid credentials', () => {
  test('is refused the database, the queues, the configuration and the account of its neighbour', async () => {
    expectRefused(await intrudeFromOutside(anna, boris))
  })
})

describe('a notebook', () => {
  for (const [name, who] of [
    ['anna', () => anna],
    ['boris', () => boris],
  ] as const) {
    test(`opens in the browser after ${name} signed in with userid and API key, and runs a cell`, async () => {
      await openNotebook(site, up.notebook, who())
    })
  }

  test('opens from the portal for who is signed in there', async () => {
    const password = 'a password of petra'
    await site.run('account', 'create', 'petra', '--email', 'petra@example.com', '--password', password)
    await openNotebookFromPortal(site, up.api, 'petra', password)
  })

  test('is reachable by nobody but the hub and the ingress, and reaches only what it may', async () => {
    const [annas, boriss] = await Promise.all([podIn(site, 'om-anna'), podIn(site, 'om-boris')])
    const services = 'omegaml-services.svc.cluster.local'
    const closed: Places = { 'the neighbour’s notebook': [boriss.ip, 8888], ...(await closedPlaces(site)) }
    const open = Object.entries(closed).map(async ([what, place]) =>
      (await reaches(site, annas, ...place)) ? [what] : [],
    )
    expect((await Promise.all(open)).flat()).toEqual([])
    expect(await reaches(site, annas, `mongodb.${services}`, 27_017), 'its database').toBe(true)
    expect(await reaches(site, annas, `rabbitmq.${services}`, 5672), 'its broker').toBe(true)
    expect(await reaches(site, annas, `omegaweb.${services}`, 8080), 'the hub').toBe(true)
    // The guard itself: the neighbour's server does listen where it was looked for.
    expect(await reaches(site, boriss, boriss.ip, 8888), 'boris’ own notebook').toBe(true)
  })
})

describe('from inside a notebook', () => {
  test('an account is refused databases, queues, hub and notebooks of its neighbour, and the way out of its container', async () => {
    const outcome = await intrudeFromPod(site, await podIn(site, 'om-anna'), boris)
    expect(Object.keys(outcome)).toEqual(expect.arrayContaining(['notebooks: users', 'pod: mount']))
    expectRefused(outcome)
  })
})

describe('orders', () => {
  test('of nodes and workers are delivered, used and taken away by the unmodified client, over HTTPS', {
    timeout: 1_800_000,
  }, async () => {
    await orderEverything(site, up.notebook, boris, (await podIn(site, 'om-boris')).ip)
    expect(await kubectl(site, 'get', 'nodes', '-o', 'name')).toBe('node/node-1')
    expect(await kubectl(site, 'get', 'deployments', '-n', 'om-olga', '-o', 'name')).toBe('')
  })
})

describe('what signs somebody in', () => {
  test('stands in no log, process list, rendered release, command or configuration', async () => {
    const secrets = await secretsOf(site, up, [anna, boris])
    expect(secrets.size).toBeGreaterThan(20)
    const found = new Set<string>()
    let places = 0
    for await (const [place, text] of openPlaces(site)) {
      places += 1
      for (const [name, secret] of secrets) if (text.includes(secret)) found.add(`${name} in ${place}`)
    }
    expect([...found]).toEqual([])
    // The guard: there was something to look at.
    expect(places).toBeGreaterThan(50)
  })
})

describe('a second cluster', () => {
  test('is ordered, runs tasks of who is put there, and leaves nothing', { timeout: 600_000 }, async () => {
    await useSecondCluster(site)
  })
})

describe('twenty people who come at once', () => {
  test('are all delivered at the first attempt, and leave nothing behind when they go', async () => {
    const figures = await crowd(site, up, 20)
    console.log(figures)
    expect(figures.slowestAnswerMs).toBeLessThan(10_000)
  })
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

describe('an account', () => {
  test('gets new credentials, and the old key stops working', async () => {
    const dora = await createAccount(site, 'dora')
    const before = await configOf(dora)
    const rotated = { ...dora, apikey: await rotateAs(dora) }
    const after = await configOf(rotated)
    expect(after['OMEGA_MONGO_URL']).not.toBe(before['OMEGA_MONGO_URL'])
    expect(after['OMEGA_CELERY_CONFIG']).not.toEqual(before['OMEGA_CELERY_CONFIG'])
    expect(await configStatus(dora)).toBe(401)
  })

  test('that is removed leaves nothing behind, and its key stops working at once', async () => {
    const carla = await createAccount(site, 'carla')
    await site.run('account', 'remove', 'carla', '--yes')
    expect(await configStatus(carla)).toBe(401)
    expect(await kubectl(site, 'get', 'namespaces', '-o', 'name')).not.toContain('om-carla')
  })
})

describe('while API server, supervisor and registry hang', () => {
  test('tasks run on, and an account that is made meanwhile waits, says for what, and is delivered', async () => {
    const thaw = await freeze(site, /kube-apiserver|local\/main\.ts serve|image-registry/)
    const made = createAccount(site, 'vera')
    try {
      await workAs(site, boris)
      expect(await site.json('account', 'show', 'vera')).toMatchObject({ userid: 'vera' })
      const why = async () => await waitsOf(site, 'vera')
      await expect.poll(why, { timeout: 120_000, interval: 2000 }).toContain('Kubernetes API server')
    } finally {
      thaw()
    }
    expect(await configStatus(await made)).toBe(200)
    expect(await site.json('status')).toMatchObject({ state: 'up' })
  })
})

describe('while broker and databases hang, one after the other', () => {
  const ordered = async (name: string, pattern: RegExp, says: RegExp) => {
    const thaw = await freeze(site, pattern)
    const made = createAccount(site, name)
    try {
      await expect.poll(async () => await waitsOf(site, name), { timeout: 120_000, interval: 2000 }).toMatch(says)
    } finally {
      thaw()
    }
    expect(await configStatus(await made)).toBe(200)
  }

  test('the broker: an account waits and is delivered, and workers work on after it', async () => {
    await ordered('vito', /beam\.smp/, /broker|RabbitMQ/)
    await workAs(site, boris)
  })

  test('MongoDB: an account waits and is delivered', async () => {
    await ordered('vasco', /mongod /, /MongoDB/)
  })

  test('the SQL database: who asks hears so, and what was ordered before is delivered', async () => {
    const call = adminOf(up)
    const body = { name: 'viola', email: 'viola@example.com' }
    const { command } = await call<{ command: number }>('POST', '/api/v2/accounts', body)
    const thaw = await freeze(site, /mariadbd/)
    try {
      await expect.poll(async () => await configStatus(anna), { timeout: 90_000, interval: 2000 }).toBe(503)
    } finally {
      thaw()
    }
    await untilDone(call, [command])
    expect(await configStatus(anna)).toBe(200)
  })
})

describe('everything is still there', () => {
  const kept = { datasets: expect.arrayContaining(['wine']), jobs: expect.arrayContaining(['sums.ipynb']) }

  test('after an upgrade of the charts that starts the databases anew', async () => {
    const databases = ['mongodb-0', 'mysql-0', 'rabbitmq-0']
    const uids = () =>
      kubectl(site, 'get', 'pods', '-n', 'omegaml-services', ...databases, '-o', 'jsonpath={.items[*].metadata.uid}')
    const before = await uids()
    const memory = ['mongodb', 'mysql', 'rabbitmq'].map((name) => `${name}.resources.limits.memory=1100Mi`)
    await upgrade(site, 'omegaml-system', ...memory)
    expect(await uids()).not.toBe(before)
    expect((await workAs(site, boris)).before).toEqual(kept)
  })

  test('after a new image of API and engine: sessions and keys hold, and what was ordered meanwhile is delivered', async () => {
    const signIn = { method: 'POST', headers: { 'content-type': 'application/json', origin: up.api } }
    const body = JSON.stringify({ login: 'admin', password: up.admin.password })
    const signedIn = await fetch(`${up.api}/api/v2/session`, { ...signIn, body })
    const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
    const session = async () => (await fetch(`${up.api}/api/v2/session`, { headers: { cookie } })).status
    expect(await session()).toBe(200)
    await tagImage(site, 'deployment/cloudmgr', 'next')
    const watch = await OutageWatch.of(anna)
    const names = ['nina', 'nora', 'nils']
    const rolling = upgrade(site, 'omegaml-system', 'images.cloudmgr.digest=', 'images.cloudmgr.tag=next')
    const people = await Promise.all(names.map(async (name) => await createAccount(site, name)))
    await rolling
    expect(await kubectl(site, 'get', 'deployment', 'omegaweb', '-n', 'omegaml-services', '-o', 'yaml')).toContain(
      ':next',
    )
    expect(await watch.end()).toEqual({ api: 0, database: 0, broker: 0 })
    expect(await session()).toBe(200)
    for (const one of people) expect(await configStatus(one)).toBe(200)
  })

  test('after down and up', async () => {
    const config = await configOf(anna)
    await site.run('down')
    expect(await site.attempt('status')).toMatchObject({ code: 5 })
    expect(await site.json<UpResult>('up')).toEqual(up)
    expect(isPrepared(site)).toBe(true)
    expect(await configOf(anna)).toEqual(config)
    expect((await workAs(site, anna)).before).toEqual(kept)
  })

  test('after everything was killed at once, as by a power cut', async () => {
    await killEverything(site)
    expect(await site.json<UpResult>('up')).toEqual(up)
    expect((await workAs(site, anna)).before).toEqual(kept)
  })
})

describe('another machine', () => {
  test('uses the site with what was printed and its authority alone, by TLS only', async () => {
    await useFromElsewhere(site)
  })
})

describe('down --purge', () => {
  test('leaves no process, mount, network interface, firewall rule, cgroup, hosts line or file', async () => {
    const answer = await site.purge()
    expect(answer.code, answer.stdout + answer.stderr).toBe(0)
    expect(readFileSync('/etc/hosts', 'utf8')).not.toContain(site.name)
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(site.state)
  })
})
