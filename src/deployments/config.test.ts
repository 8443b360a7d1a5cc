import { expect, test } from 'vitest'
import type { Account } from '../accounts/account.ts'
import { configFor } from './config.ts'
import { newSettings, secretsOf, type Settings, settingsSchema } from './settings.ts'
import { parseSiteFacts } from './site-facts.ts'

const facts = {
  domain: 'example.org',
  publicUrl: 'https://hub.example.org',
  notebookUrl: 'https://notebook.example.org/',
  internalUrl: 'http://omegaweb.omegaml-services.svc.cluster.local:8080',
  mongo: { publicHost: 'mongo.example.org:27018', internalHost: 'mongodb.svc:27017' },
  broker: { publicHost: 'broker.example.org:5671', internalHost: 'rabbitmq.svc:5672' },
  images: { runtime: 'runtime:1' },
  tls: true,
}
const site = parseSiteFacts(facts, 'the test')

function word(length: number): string {
  return 'w'.repeat(length)
}

const alice: Account = {
  id: 7,
  name: 'alice',
  email: 'a@b.org',
  mailConfirmed: true,
  role: 'user',
  rights: [],
  state: 'active',
  active: true,
  createdAt: 0,
}
const made = newSettings('omegaml', alice, site, word)

const small: Settings = settingsSchema.parse({
  qualifiers: { default: { mongodbname: 'd', mongouser: 'u', mongopassword: 'p' } },
})

function config(change: Partial<Parameters<typeof configFor>[0]> = {}) {
  return configFor({
    userid: 'alice',
    apikey: 'k',
    settings: made,
    site,
    qualifier: 'default',
    qualifiers: ['default', 'team'],
    inCluster: false,
    ...change,
  })
}

function withOmegaml(omegaml: NonNullable<Settings['services']['omegaml']>): Settings {
  return { ...made, services: { ...made.services, omegaml } }
}

test('the external view is exactly this', () => {
  expect(config()).toEqual({
    OMEGA_USERID: 'alice',
    OMEGA_APIKEY: 'k',
    OMEGA_QUALIFIER: 'default',
    OMEGA_QUALIFIERS: ['default', 'team'],
    OMEGA_MONGO_URL: `mongodb://${word(32)}:${word(32)}@mongo.example.org:27018/${word(32)}`,
    OMEGA_MONGO_COLLECTION: 'omegaml',
    OMEGA_NOTEBOOK_COLLECTION: 'ipynb',
    OMEGA_MONGO_SSL_KWARGS: { tls: true },
    OMEGA_USESSL: true,
    OMEGA_CELERY_CONFIG: {
      BROKER_URL: `amqp://alice${word(12)}:${word(32)}@broker.example.org:5671/omegaml`,
      BROKER_USE_SSL: true,
      CELERY_RESULT_BACKEND: 'rpc://',
      CELERY_ACCEPT_CONTENT: ['pickle', 'json'],
      CELERY_TASK_SERIALIZER: 'pickle',
      CELERY_ALWAYS_EAGER: false,
      CELERY_DEFAULT_QUEUE: 'q-alice',
      CELERY_DEFAULT_EXCHANGE: 'x-alice',
      CELERY_DEFAULT_ROUTING_KEY: 'q-alice',
    },
    OMEGA_FRAMEWORKS: ['scikit-learn', 'tensorflow', 'keras', 'dash'],
  })
})

test('each service says by itself whether pods of the cluster speak TLS to it; own databases never do', () => {
  const tlsOf = (change: object, settings = made) => {
    const view = config({ inCluster: true, site: parseSiteFacts({ ...facts, ...change }, 'the test'), settings })
    const { tls } = view['OMEGA_MONGO_SSL_KWARGS'] as { tls: boolean }
    return { mongo: tls, broker: (view['OMEGA_CELERY_CONFIG'] as { BROKER_USE_SSL: boolean }).BROKER_USE_SSL }
  }
  const mongo = { ...facts.mongo, internalTls: true }
  expect(tlsOf({ mongo })).toEqual({ mongo: true, broker: false })
  expect(tlsOf({ broker: { ...facts.broker, internalTls: true } })).toEqual({ mongo: false, broker: true })
  expect(tlsOf({ internalTls: true })).toEqual({ mongo: true, broker: true })
  const own = { ...small.qualifiers['default'], 'mongohost.in': 'database-docs.om-alice.svc:27017' }
  const settings = settingsSchema.parse({ ...small, qualifiers: { default: own } })
  expect(tlsOf({ mongo }, settings).mongo).toBe(false)
})

test('the in-cluster view has other hosts, no TLS, and what spawner and workers read', () => {
  const view = config({ inCluster: true })
  expect(view).toMatchObject({
    OMEGA_MONGO_URL: `mongodb://${word(32)}:${word(32)}@mongodb.svc:27017/${word(32)}`,
    OMEGA_MONGO_SSL_KWARGS: { tls: false },
    OMEGA_USESSL: false,
    JUPYTER_IMAGE: 'runtime:1',
    JUPYTER_NODE_SELECTOR: 'omegaml.io/role=worker',
    JUPYTER_NAMESPACE: 'om-alice',
    JUPYTER_AFFINITY_ROLE: 'worker',
    JUPYTER_CONFIG: {},
    RUNTIME_WORKER_IMAGE: 'runtime:1',
    RUNTIME_NODE_SELECTOR: 'omegaml.io/role=worker',
    RUNTIME_NAMESPACE: 'om-alice',
    RUNTIME_AFFINITY_ROLE: 'worker',
    CLUSTER_STORAGE: { volumes: [], volumeMounts: [] },
  })
  expect(view['OMEGA_CELERY_CONFIG']).toMatchObject({ BROKER_USE_SSL: false })
})

test('notebooks take packages from the site’s index, with the account’s own variables beside it', () => {
  const pip = { PIP_INDEX_URL: 'https://pypi.test/simple' }
  const settings = { ...made, services: { ...made.services, jupyter: { config: { ENVS: { A: '1' }, cpu_limit: 2 } } } }
  const view = config({ inCluster: true, settings, site: { ...site, pip } })
  expect(view['JUPYTER_CONFIG']).toEqual({ ENVS: { ...pip, A: '1' }, cpu_limit: 2 })
})

test('all keys are upper-case: the client drops others', () => {
  for (const inCluster of [true, false]) {
    expect(Object.keys(config({ inCluster })).filter((key) => key !== key.toUpperCase())).toEqual([])
  }
})

test('settings with the three mandatory words only are enough', () => {
  const least = config({ settings: small })
  expect(least['OMEGA_MONGO_URL']).toBe('mongodb://u:p@mongo.example.org:27018/d')
  expect(least['OMEGA_CELERY_CONFIG']).toMatchObject({
    BROKER_URL: 'amqp://broker.example.org:5671/omegaml',
    CELERY_DEFAULT_QUEUE: 'default',
  })
})

test('a qualifier’s own hosts win over the site’s, each in its view', () => {
  const own = {
    ...small.qualifiers['default'],
    mongohost: 'm:1',
    'mongohost.in': 'm.in:2',
    brokerhost: 'b:3',
    'brokerhost.in': 'b.in:4',
  }
  const settings = settingsSchema.parse({ qualifiers: { default: own } })
  expect(config({ settings })).toMatchObject({ OMEGA_MONGO_URL: 'mongodb://u:p@m:1/d' })
  expect(config({ settings, inCluster: true })).toMatchObject({ OMEGA_MONGO_URL: 'mongodb://u:p@m.in:2/d' })
  expect(config({ settings, inCluster: true })['OMEGA_CELERY_CONFIG']).toMatchObject({
    BROKER_URL: 'amqp://b.in:4/omegaml',
  })
})

test('defaults are for all views, defaults.in for the inner one and stronger', () => {
  const settings = withOmegaml({ defaults: { OMEGA_X: 'out' }, 'defaults.in': { OMEGA_X: 'in' } })
  expect(config({ settings })['OMEGA_X']).toBe('out')
  expect(config({ settings, inCluster: true })['OMEGA_X']).toBe('in')
})

test('TLS is switched by the account outside only', () => {
  const settings = withOmegaml({ use_ssl: false })
  expect(config({ settings })).toMatchObject({ OMEGA_USESSL: false, OMEGA_MONGO_SSL_KWARGS: { tls: false } })
})

test('placeholders come from a fixed map, go through objects, not arrays; unknown ones stay', () => {
  process.env['OMEGA_SECRET_OF_THE_SERVER'] = 'never'
  const defaults = {
    OMEGA_A: '{username} at {OMEGA_DOMAIN}',
    OMEGA_B: { deep: { er: '{USERNAME}' } },
    OMEGA_C: ['{username}'],
    OMEGA_D: '{OMEGA_SECRET_OF_THE_SERVER} {OMEGA_APIKEY} {other}',
    OMEGA_E: '{OMEGA_RESTAPI_URL}',
  }
  const settings = withOmegaml({ defaults })
  expect(config({ settings })).toMatchObject({
    OMEGA_A: 'alice at example.org',
    OMEGA_B: { deep: { er: 'alice' } },
    OMEGA_C: ['{username}'],
    OMEGA_D: '{OMEGA_SECRET_OF_THE_SERVER} {OMEGA_APIKEY} {other}',
    OMEGA_E: 'https://hub.example.org',
  })
  expect(config({ settings, inCluster: true })['OMEGA_E']).toBe(facts.internalUrl)
})

test('a custom qualifier is answered by its name', () => {
  const settings: Settings = {
    ...made,
    qualifiers: { ...made.qualifiers, special: { ...made.qualifiers['default'], mongodbname: 'other' } as never },
  }
  expect(config({ settings, qualifier: 'special' })).toMatchObject({
    OMEGA_QUALIFIER: 'special',
    OMEGA_MONGO_URL: /\/other$/,
  })
})

for (const qualifier of ['other', 'constructor', '__proto__', '']) {
  test(`no service for the qualifier ${JSON.stringify(qualifier)}`, () => {
    expect(() => config({ qualifier })).toThrow(expect.objectContaining({ kind: 'not-found', code: 'no-service' }))
  })
}

test('the shared worker’s settings switch remote control off and bind no queue of an account', () => {
  const settings = newSettings('shared-runtime', { ...alice, name: 'omworker' }, site, word)
  const celery = config({ settings, userid: 'omworker', inCluster: true })['OMEGA_CELERY_CONFIG']
  expect(celery).toMatchObject({ CELERY_ENABLE_REMOTE_CONTROL: false, CELERY_DEFAULT_QUEUE: 'default' })
  expect(celery).not.toHaveProperty('CELERY_DEFAULT_EXCHANGE')
})

test('settings survive being stored, and their passwords are known to the masker', () => {
  expect(settingsSchema.parse(JSON.parse(JSON.stringify(made)))).toEqual(made)
  expect(secretsOf(made)).toEqual([word(32)])
})

test('a site file with mistakes names every field', () => {
  expect(() => parseSiteFacts({ ...facts, publicUrl: 'hub', mongo: {} }, 'site.yml')).toThrow(
    /site\.yml: publicUrl.*mongo\.publicHost/,
  )
})
