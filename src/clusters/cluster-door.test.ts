import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { areEnding, farDoorObjects, makeDoorCredentials, siteDoorObjects } from './cluster-door.ts'

const now = new Date('2026-11-30T00:00:00Z')
const credentials = await makeDoorCredentials('second', now)
const services = [
  { name: 'mongodb', port: 27017 },
  { name: 'rabbitmq', port: 5672 },
]
const place = { namespace: 'omegaml-services', services, image: 'r/nginx@sha256:1', pullSecrets: ['registry'] }
const targets = services.map((service) => ({ service, selector: { component: service.name }, targetPort: 'named' }))

const named = (objects: readonly { kind: string; metadata: { name: string } }[]) =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)

test('in the site’s cluster: only the door goes in to the services, and it goes nowhere else', () => {
  const objects = siteDoorObjects('second', place, targets, credentials)
  expect(named(objects)).toEqual([
    'Secret cluster-second',
    'NetworkPolicy cluster-second',
    'NetworkPolicy cluster-second-mongodb',
    'NetworkPolicy cluster-second-rabbitmq',
    'Deployment cluster-second',
    'Service cluster-second',
  ])
  const labels = { 'app.kubernetes.io/name': 'cluster-door', 'app.kubernetes.io/instance': 'cluster-second' }
  expect(objects[2]).toMatchObject({
    spec: {
      podSelector: { matchLabels: { component: 'mongodb' } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchLabels: labels } }], ports: [{ port: 'named' }] }],
    },
  })
  expect(objects[1]).toMatchObject({
    spec: {
      policyTypes: ['Ingress', 'Egress'],
      egress: [{}, { to: [{ podSelector: { matchLabels: { component: 'mongodb' } } }] }, {}],
    },
  })
})

test('in the other: a pod for each service, reached by accounts alone', () => {
  const objects = farDoorObjects(place, 'lb.example.org', credentials)
  expect(named(objects)).toEqual([
    'Secret site-door',
    ...services.flatMap(({ name }) => [`NetworkPolicy ${name}`, `Deployment ${name}`, `Service ${name}`]),
  ])
  // A name's addresses change: no more than the port can be said of them.
  expect(objects[1]).toMatchObject({ spec: { egress: [{}, { to: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }] } })
  expect(farDoorObjects(place, '192.0.2.1', credentials)[1]).toMatchObject({
    spec: { egress: [{}, { to: [{ ipBlock: { cidr: '192.0.2.1/32' } }] }] },
  })
})

test('changed certificates begin new pods, on both sides', async () => {
  const others = await makeDoorCredentials('second', now)
  const templates = [credentials, others].flatMap((given) =>
    [...siteDoorObjects('second', place, targets, given), ...farDoorObjects(place, '192.0.2.1', given)]
      .filter(({ kind }) => kind === 'Deployment')
      .map((one) => JSON.stringify([one.metadata.name, (one['spec'] as { template: object }).template])),
  )
  expect(new Set(templates).size).toBe(6)
})

test('the certificates hold for ten years, are new in the last, and one of a client makes no server', () => {
  expect(areEnding(credentials, new Date('2035-11-01'))).toBe(false)
  expect(areEnding(credentials, new Date('2036-01-01'))).toBe(true)
  expect(new X509Certificate(credentials.client.cert).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
})
