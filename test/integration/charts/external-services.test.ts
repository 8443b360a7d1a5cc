import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { parse } from 'yaml'
import { parseSiteFacts } from '../../../src/deployments/site-facts.ts'
import { Pki } from '../../../src/local/pki.ts'
import { hubPython } from '../../support/jupyterhub.ts'
import { startMariadb, type TestMariadb } from '../../support/mariadb.ts'
import { startMongod } from '../../support/mongod.ts'
import { startRabbitmq } from '../../support/rabbitmq.ts'
import { startTlsFront } from '../../support/tls-front.ts'
import type { Manifest, Values } from './helm.ts'
import { find, podsOf, render } from './helm.ts'
import { mysqlScript } from './scripts.ts'

/** A site all of whose services are elsewhere, by TLS. */
const elsewhere = {
  caConfigMap: 'our-ca',
  mongodb: {
    enabled: false,
    external: { host: 'db.example.com', port: 27018, existingSecret: 'their-mongo', tls: true, cidrs: ['10.9.0.5/32'] },
  },
  mysql: {
    enabled: false,
    external: { host: 'localhost', port: 3307, existingSecret: 'their-users', adminSecret: 'their-dba', tls: true },
  },
  rabbitmq: {
    enabled: false,
    external: {
      host: 'mq.example.com',
      port: 5671,
      managementUrl: 'https://mq.example.com:15671',
      existingSecret: 'their-mq',
      tls: true,
      cidrs: ['10.9.0.6/32'],
    },
  },
  jupyterhub: {
    enabled: false,
    external: { apiUrl: 'https://hub.example.com', existingSecret: 'their-hub', namespace: 'notebooks' },
  },
}

type Env = Readonly<
  Record<string, string | { readonly secret: string; readonly key: string; readonly optional?: true }>
>

function envOf(container: Manifest): Env {
  return Object.fromEntries(
    container.env.map(({ name, value, valueFrom }: Manifest) => {
      const { name: secret, key, optional } = valueFrom?.secretKeyRef ?? {}
      return [name, value ?? { secret, key, ...(optional === true ? { optional } : {}) }]
    }),
  )
}

function containerOf(manifests: readonly Manifest[], owner: RegExp, name: string): Manifest {
  const pod = podsOf(manifests).find((one) => owner.test(one.owner))
  const found = [...(pod?.spec.initContainers ?? []), ...(pod?.spec.containers ?? [])].find((one) => one.name === name)
  assert.ok(found, `no container ${name} of ${owner}`)
  return found
}

describe('rendered', () => {
  test('the engine is told where each service is, whose Secret it needs, and which speak TLS', async () => {
    const env = envOf(containerOf(await render('omegaml-system', elsewhere), /^cloudmgr$/, 'cloudmgr'))
    const wanted: Env = {
      CLOUDMGR_DATABASE_HOST: 'localhost',
      CLOUDMGR_DATABASE_PORT: '3307',
      CLOUDMGR_DATABASE_TLS: 'yes',
      CLOUDMGR_DATABASE_PASSWORD: { secret: 'their-users', key: 'cloudmgr-password' },
      CLOUDMGR_MONGODB_HOST: 'db.example.com:27018',
      CLOUDMGR_MONGODB_TLS: 'yes',
      CLOUDMGR_MONGODB_USER: { secret: 'their-mongo', key: 'username' },
      CLOUDMGR_MONGODB_PASSWORD: { secret: 'their-mongo', key: 'password' },
      CLOUDMGR_RABBITMQ_URL: 'https://mq.example.com:15671',
      CLOUDMGR_RABBITMQ_USER: { secret: 'their-mq', key: 'username' },
      CLOUDMGR_RABBITMQ_PASSWORD: { secret: 'their-mq', key: 'password' },
      CLOUDMGR_JUPYTERHUB_URL: 'https://hub.example.com',
      CLOUDMGR_JUPYTERHUB_TOKEN: { secret: 'their-hub', key: 'api-token' },
      NODE_EXTRA_CA_CERTS: '/run/ca/ca.crt',
    }
    for (const [name, value] of Object.entries(wanted)) assert.deepEqual(env[name], value, name)
  })

  test('the API, too, and it signs people in at that hub where its Secret says so', async () => {
    const env = envOf(containerOf(await render('omegaml-system', elsewhere), /^omegaweb$/, 'omegaweb'))
    assert.equal(env['CLOUDMGR_DATABASE_TLS'], 'yes')
    assert.equal(env['CLOUDMGR_MONGODB_TLS'], 'yes')
    const oidc = { secret: 'their-hub', key: 'oidc-secret', optional: true }
    assert.deepEqual(env['CLOUDMGR_JUPYTERHUB_OIDC_SECRET'], oidc)
  })

  test('the site’s facts tell accounts’ pods where the services are, and that they reach them', async () => {
    const manifests = await render('omegaml-system', { ...elsewhere, imagePullSecrets: ['pull'] })
    const text = find(manifests, 'ConfigMap', 'cloudmgr-site').data['site.yml']
    const facts = parseSiteFacts(parse(text), 'site.yml')
    assert.deepEqual(facts.mongo, {
      publicHost: 'mongo.omega.localhost',
      internalHost: 'db.example.com:27018',
      internalTls: true,
    })
    assert.equal(facts.broker.internalHost, 'mq.example.com:5671')
    assert.equal(facts.broker.internalTls, true)
    assert.deepEqual(facts.network.externals, [
      { cidr: '10.9.0.5/32', port: 27018 },
      { cidr: '10.9.0.6/32', port: 5671 },
    ])
    assert.equal(facts.network.hubNamespace, 'notebooks')
    assert.deepEqual(facts.imagePullSecrets, ['pull'])
  })

  test('the internal port opens for a hub in a namespace of its own', async () => {
    const { spec } = find(await render('omegaml-system', elsewhere), 'NetworkPolicy', 'omegaweb')
    const { from } = spec.ingress.find((rule: Manifest) => rule.ports[0].port === 'internal')
    const names = from.map((peer: Manifest) => peer.namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'])
    assert.ok(names.includes('notebooks'))
  })

  test('nothing of what is elsewhere is made: no workload, Service, Secret or policy', async () => {
    const manifests = await render('omegaml-system', elsewhere)
    const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    const theirs = names.filter((name) => /mongodb|mysql|rabbitmq|jupyterhub/.test(name))
    assert.deepEqual(theirs, [])
  })

  test('each part can be switched off alone', async () => {
    const { caConfigMap: _none, ...services } = elsewhere
    const parts: Record<string, Values> = {
      ...services,
      omegaweb: { enabled: false, external: { internalUrl: 'http://api.example.com' } },
    }
    for (const [name, values] of Object.entries(parts)) {
      const pods = podsOf(await render('omegaml-system', { [name]: values })).map(({ owner }) => owner)
      assert.equal(pods.includes(name), false, name)
      assert.ok(pods.length > 3, name)
    }
    const none = await render('omegaml-system', { cloudmgr: { enabled: false } })
    assert.equal(
      podsOf(none).some(({ owner }) => owner === 'cloudmgr'),
      false,
    )
  })

  test('without a hub the engine is told of none, and orders no user of one', async () => {
    const manifests = await render('omegaml-system', { jupyterhub: { enabled: false } })
    const env = envOf(containerOf(manifests, /^cloudmgr$/, 'cloudmgr'))
    assert.equal(env['CLOUDMGR_JUPYTERHUB_URL'], undefined)
    const facts = parse(find(manifests, 'ConfigMap', 'cloudmgr-site').data['site.yml'])
    assert.equal(parseSiteFacts(facts, 'site.yml').notebooks, false)
  })

  test('without an administrator’s Secret the Job migrates only', async () => {
    const { adminSecret: _none, ...external } = elsewhere.mysql.external
    const job = podsOf(await render('omegaml-system', { mysql: { enabled: false, external } })).find(
      ({ kind }) => kind === 'Job',
    )
    assert.equal(job?.spec.initContainers, undefined)
    assert.deepEqual(
      job?.spec.containers.map(({ name }: Manifest) => name),
      ['migrate'],
    )
  })
})

const project = resolve(import.meta.dirname, '../../..')

/** A program of ours as its pod runs it: with these variables alone. */
async function node(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  return await program(process.execPath, args, env)
}

async function program(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await promisify(execFile)(file, [...args], {
    cwd: project,
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...env },
  })
  return stdout
}

describe('a MariaDB by TLS that asks for its own administrator', () => {
  const passwords = { cloudmgr: "c'1", omegaweb: 'w2', jupyterhub: 'j3' }
  const dba = 'dba of theirs'
  let folder: string
  let ca: string
  let mariadb: TestMariadb

  // Made on first use.
  beforeAll(() => void hubPython(), 300_000)
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cloudmgr-external-'))
    const pki = new Pki(folder)
    await pki.ensureAuthority('ca')
    await pki.ensure('db', 'ca', { commonName: 'db', names: ['localhost'] })
    ca = pki.file('ca', 'crt')
    mariadb = await startMariadb(pki.read('db'))
    await mariadb.sql(
      `CREATE USER dba@'%' IDENTIFIED BY '${dba}' REQUIRE SSL`,
      "GRANT ALL ON *.* TO dba@'%' WITH GRANT OPTION",
    )
  })

  afterAll(async () => {
    await mariadb?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The variables of a container of the Job, as the cluster would fill them in. */
  const variables = async (name: string): Promise<Record<string, string>> => {
    const values = {
      ...elsewhere,
      mysql: { enabled: false, external: { ...elsewhere.mysql.external, port: mariadb.port } },
    }
    const env = envOf(containerOf(await render('omegaml-system', values), /^cloudmgr-migrate/, name))
    const secrets: Record<string, string> = {
      'their-dba/username': 'dba',
      'their-dba/password': dba,
      'their-users/cloudmgr-password': passwords.cloudmgr,
      'their-users/omegaweb-password': passwords.omegaweb,
      'their-users/jupyterhub-password': passwords.jupyterhub,
    }
    return Object.fromEntries(
      Object.entries(env).map(([key, value]) => {
        if (typeof value === 'string') return [key, value.replace('/run/ca/ca.crt', ca)]
        const found = secrets[`${value.secret}/${value.key}`]
        assert.ok(found, `${value.secret}/${value.key}`)
        return [key, found]
      }),
    )
  }
  const script = async (name: string, change: Record<string, string> = {}) => {
    const container = containerOf(await render('omegaml-system', elsewhere), /^cloudmgr-migrate/, name)
    return await mysqlScript(container.args[0], { ...(await variables(name)), ...change })
  }

  test('the Job makes databases and users, migrates, and gives rights; the API sees it done', async () => {
    assert.match(await script('databases'), /as wanted/)
    const env = await variables('migrate')
    await node(['src/main.ts', 'migrate'], env)
    assert.match(await script('rights'), /as wanted/)
    const api = { ...env, CLOUDMGR_DATABASE_USER: 'omegaweb', CLOUDMGR_DATABASE_PASSWORD: passwords.omegaweb }
    await node(['src/main.ts', 'migrate', '--wait'], api)
  }, 120_000)

  test('JupyterHub waits for it and opens it, and refuses a certificate that it can’t check', async () => {
    const values = { caConfigMap: 'our-ca', mysql: elsewhere.mysql }
    const manifests = await render('omegaml-system', values)
    const wait = containerOf(manifests, /^jupyterhub$/, 'wait-for-database')
    const hub = containerOf(manifests, /^jupyterhub$/, 'jupyterhub')
    const fixed = Object.entries(envOf(hub)).filter(([, value]) => typeof value === 'string')
    const env = {
      ...(Object.fromEntries(fixed) as Record<string, string>),
      JUPYTERHUB_DB_PORT: String(mariadb.port),
      JUPYTERHUB_DB_PASSWORD: passwords.jupyterhub,
      JUPYTERHUB_API_TOKEN: 'x',
      CONFIGPROXY_AUTH_TOKEN: 'x',
      JUPYTERHUB_CA: ca,
      PYTHONDONTWRITEBYTECODE: '1',
    }
    await program(hubPython(), ['-c', wait.args[0]], env)
    const opened = `
      import sqlalchemy
      from traitlets.config import Config
      config = Config()
      path = "images/jupyterhub/jupyterhub_config.py"
      exec(compile(open(path).read(), path, "exec"), {"get_config": lambda: config})
      with sqlalchemy.create_engine(config.JupyterHub.db_url).connect() as connection:
          print(connection.execute(sqlalchemy.text("SHOW STATUS LIKE 'Ssl_version'")).fetchone()[1])
    `.replaceAll(/^ {6}/gm, '')
    assert.match(await program(hubPython(), ['-c', opened], env), /^TLS/)
    const { JUPYTERHUB_CA: _none, ...unknown } = env
    await assert.rejects(program(hubPython(), ['-c', opened], unknown), /CERTIFICATE_VERIFY_FAILED/)
  })

  test('a certificate of an authority that nobody named is refused', async () => {
    const { NODE_EXTRA_CA_CERTS: _none, ...env } = await variables('migrate')
    await assert.rejects(node(['src/main.ts', 'migrate'], env), /self.signed|certificate/i)
  })

  test('a certificate for another name is refused', async () => {
    const env = { ...(await variables('migrate')), CLOUDMGR_DATABASE_HOST: 'other.test' }
    const names = `import dns from 'node:dns'; const { lookup } = dns
      dns.lookup = (name, ...rest) => lookup(name === 'other.test' ? 'localhost' : name, ...rest)`
    const args = ['--import', `data:text/javascript,${encodeURIComponent(names)}`, 'src/main.ts', 'migrate']
    await assert.rejects(node(args, env), /altnames/)
  })
})

test('MongoDB and RabbitMQ by TLS: users, databases, the management API and messages', async () => {
  const [mongod, rabbitmq] = await Promise.all([startMongod(), startRabbitmq()])
  const management = Number(new URL(rabbitmq.admin.url).port)
  const fronts = await Promise.all(
    [mongod.admin.port, management, rabbitmq.amqp.port].map(async (port) => await startTlsFront(['localhost'], port)),
  )
  try {
    const [mongo, http, amqp] = fronts.map(({ port, ca }) => ({ port, ca }))
    assert.ok(mongo && http && amqp)
    const source = `
      import { createMongodb, createMongoSizes } from './src/adapters/mongodb/driver.ts'
      import { createRabbitmq } from './src/adapters/rabbitmq/http.ts'
      import { MongoClient } from 'mongodb'
      import { createAmqp } from './src/adapters/amqp/driver.ts'
      const { mongo, http, amqp } = JSON.parse(process.env.ACCESS)
      const tlsServers = ['localhost:' + mongo.port]
      const user = { user: 'alice', password: 'secretOfAlice', databases: ['alice'] }
      // An administrator with the roles that docs/charts.md names, and no more.
      const roles = ['userAdminAnyDatabase', 'readWriteAnyDatabase', 'dbAdminAnyDatabase']
      const auth = { username: mongo.user, password: mongo.password }
      const root = new MongoClient('mongodb://localhost:' + mongo.port + '/?directConnection=true', { tls: true, auth })
      await root.db('admin').command({ createUser: 'theirs', pwd: 'secretOfTheirs', roles })
      await root.close()
      const mongodb = createMongodb({ host: 'localhost', port: mongo.port, user: 'theirs', password: 'secretOfTheirs', tlsServers })
      console.log(await mongodb.ensureUser(user))
      await mongodb.listDatabases()
      await mongodb.ensureUser({ ...user, user: 'gone', databases: ['gone'] })
      await mongodb.dropDatabase('gone')
      await mongodb.dropUser('gone')
      console.log((await mongodb.listUsers()).map((one) => one.user).includes('gone'))
      const bytes = await createMongoSizes({ tlsServers }).databaseBytes({ server: tlsServers[0], database: 'alice', ...user })
      console.log(typeof bytes)
      const broker = createRabbitmq({ url: 'https://localhost:' + http.port, user: http.user, password: http.password })
      await broker.ensureVhost('v')
      await broker.ensureUser('bob', 'secretOfBob')
      await broker.ensurePermissions('v', 'bob', { configure: '.*', write: '.*', read: '.*' })
      const access = { url: 'amqp://bob:secretOfBob@localhost:' + amqp.port + '/v', tls: true }
      const message = { body: Buffer.from('x'), contentType: 'text/plain', contentEncoding: 'binary', headers: {}, correlationId: '1', expiresMs: 60000 }
      await createAmqp().send(access, 'q', message)
      console.log(await broker.listQueues('v'))
    `
    const access = JSON.stringify({
      mongo: { ...mongod.admin, host: 'localhost', port: mongo.port },
      http: { ...rabbitmq.admin, port: http.port },
      amqp,
    })
    // Each front has an authority of its own: trusted are all of them, as one file.
    const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-bundle-'))
    const bundle = join(folder, 'ca.crt')
    writeFileSync(bundle, [mongo, http, amqp].map(({ ca }) => readFileSync(ca, 'utf8')).join('\n'))
    const out = await node(['--input-type=module-typescript', '--eval', source], {
      ACCESS: access,
      NODE_EXTRA_CA_CERTS: bundle,
    })
    rmSync(folder, { recursive: true })
    assert.deepEqual(out.trim().split('\n'), ['true', 'false', 'number', "[ 'q' ]"])
  } finally {
    await Promise.all(fronts.map(async (front) => await front.close()))
    await Promise.all([mongod.stop(), rabbitmq.stop()])
  }
}, 120_000)
