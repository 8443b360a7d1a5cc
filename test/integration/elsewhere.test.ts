import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { MongoClient } from 'mongodb'
import { afterAll, expect, test } from 'vitest'
import { createRabbitmq } from '../../src/adapters/rabbitmq/http.ts'
import { siteWith } from '../../src/api/testing-rooms.ts'
import { silentLog } from '../../src/base/log.ts'
import { summary } from '../../src/cli/up.ts'
import { plain } from '../../src/cli/style.ts'
import { configFor } from '../../src/deployments/config.ts'
import { settingsSchema } from '../../src/deployments/settings.ts'
import { Forwarder } from '../../src/local/forward.ts'
import { serviceSite } from '../../src/site/context.ts'
import { openPorts } from '../../src/site/listen.ts'
import { ensureSecrets, storeAccountKeys, givenSecrets } from '../../src/site/secrets.ts'
import { secretNames } from '../../src/site/file/secret-names.ts'
import { keepCertificate } from '../../src/site/certificate-files.ts'
import { statePaths } from '../../src/site/state.ts'
import type { Site, SitePorts } from '../../src/site/site.ts'
import { outcomeOf } from '../e2e/client.ts'
import { startMongod } from '../support/mongod.ts'
import { otherMachine } from '../support/other-machine.ts'
import { readPrinted } from '../support/printed.ts'
import { findProgram, freePort } from '../support/programs.ts'
import { startRabbitmq } from '../support/rabbitmq.ts'
import { clientPython } from '../support/runtime-worker.ts'

/**
 * The unmodified client on another machine, with what `up` prints and the site's authority alone. Real: the forwarder, the
 * certificates, MongoDB, RabbitMQ, the config that the API answers. Stood in for: the ingress that ends TLS, and the API
 * around the config. The whole of it is in test/e2e/elsewhere.ts.
 */
const isPossible = process.getuid?.() === 0 && findProgram('ip') !== undefined
const stops: (() => unknown)[] = []

afterAll(async () => {
  for (const stop of stops.toReversed()) await stop()
})

async function withStop<One>(starting: Promise<One>, stop: (one: One) => unknown): Promise<One> {
  const one = await starting
  stops.push(() => stop(one))
  return one
}

/** The API's answer to `GET /api/v1/config/`, for one account. */
async function startApi(data: object, authorization: string): Promise<number> {
  const server = createServer((request, answer) => {
    answer.statusCode = request.headers.authorization === authorization ? 200 : 401
    answer.setHeader('content-type', 'application/json')
    answer.end(answer.statusCode === 200 ? JSON.stringify({ meta: {}, objects: [{ resource_uri: '', data }] }) : '{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => server.close().closeAllConnections())
  return (server.address() as AddressInfo).port
}

/** Ends TLS as the ingress does. */
async function startIngress(credential: { cert: string; key: string }, target: number): Promise<number> {
  const server = createTlsServer(credential, (client) => {
    const inner = connect(target, '127.0.0.1')
    client.on('error', () => inner.destroy()).on('close', () => inner.destroy())
    inner.on('error', () => client.destroy()).on('close', () => client.destroy())
    client.pipe(inner).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => server.close())
  return (server.address() as AddressInfo).port
}

test.skipIf(!isPossible)(
  'signs in, keeps a dataset and reaches the broker, by TLS and with the authority only',
  {
    timeout: 240_000,
  },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-elsewhere-'))
    stops.push(() => rmSync(folder, { recursive: true, force: true }))
    const far = await withStop(otherMachine(), (one) => one.close())
    const mongod = await withStop(startMongod(), (one) => one.stop())
    const rabbitmq = await withStop(startRabbitmq(), (one) => one.stop())
    const ports: SitePorts = {
      http: await freePort(),
      https: await freePort(),
      mongo: await freePort(),
      broker: await freePort(),
    }
    const listen = far.address
    const site: Site = { name: 'omega', profile: 'single-node', domain: 'omega.internal', ports, listen }
    await keepCertificate(site, statePaths(folder), undefined, new Date())
    const secrets = storeAccountKeys(folder, { ...ensureSecrets(folder), demoApikey: 'keyOfDemo' })

    const { host, port, user, password } = mongod.admin
    const mongo = await MongoClient.connect(`mongodb://${host}:${port}/?directConnection=true`, {
      auth: { username: user, password },
      authSource: 'admin',
    })
    const roles = [{ role: 'readWrite', db: 'demo' }]
    await mongo.db('admin').command({ createUser: 'demo', pwd: 'passwordOfDemo', roles })
    await mongo.close()
    const broker = createRabbitmq(rabbitmq.admin)
    await broker.ensureVhost('demo')
    await broker.ensureUser('demo', 'passwordOfDemo')
    await broker.ensurePermissions('demo', 'demo', { configure: '.*', write: '.*', read: '.*' })

    const own = { mongodbname: 'demo', mongouser: 'demo', mongopassword: 'passwordOfDemo' }
    const login = { brokeruser: 'demo', brokerpassword: 'passwordOfDemo', brokervhost: 'demo' }
    const config = configFor({
      userid: 'demo',
      apikey: 'keyOfDemo',
      settings: settingsSchema.parse({ version: 'v3', services: {}, qualifiers: { default: { ...own, ...login } } }),
      site: siteWith(serviceSite(site)),
      qualifier: 'default',
      qualifiers: ['default'],
      inCluster: false,
    })
    const { 'tls.crt': cert = '', 'tls.key': key = '' } = givenSecrets(secrets)[secretNames.tls] ?? {}
    const behind = {
      https: await startApi(config, 'ApiKey demo:keyOfDemo'),
      mongo: mongod.admin.port,
      broker: rabbitmq.amqp.port,
    }
    const doors = await Promise.all(
      openPorts(ports).map(async ({ name, port: from }) => {
        const node = await startIngress({ cert, key }, behind[name as keyof typeof behind])
        return { host: from, node, address: listen }
      }),
    )
    const forwards = { listen: doors, targets: ['127.0.0.1'], machines: ['127.0.0.1'] }
    writeFileSync(join(folder, 'forward.json'), JSON.stringify(forwards))
    const forwarder = new Forwarder(join(folder, 'forward.json'), silentLog)
    forwarder.start()
    stops.push(() => forwarder.stop())

    const text = summary({ site, secrets, folder, own: [listen], env: {}, back: undefined, wayIn: [] }, plain).join(
      '\n',
    )
    const printed = readPrinted(text, far.home)
    copyFileSync(printed.authority[0], join(far.home, printed.authority[1]))
    far.pasteHosts([printed.hosts])
    const program = resolve(import.meta.dirname, '../e2e/far.py')
    const words = [program, 'connect', String(ports.http), ...printed.login]
    const outcome = outcomeOf<Record<string, unknown>>(
      'far.py',
      await far.run(clientPython(), words, printed.variables),
    )
    expect(outcome).toMatchObject({
      login: { code: 0 },
      ping: { code: 0, output: expect.stringContaining('signed in at the broker') },
      sum: 45,
      mongo: `mongo.omega.internal:${ports.mongo}`,
      broker: `broker.omega.internal:${ports.broker}`,
      strangers: { mongo: 'ServerSelectionTimeoutError', http: 'ConnectionRefusedError', api: 'SSLError' },
    })
    const { api, ping } = outcome['strangers'] as { api: number; ping: number }
    expect([api === 0, ping === 0]).toEqual([false, false])
  },
)
