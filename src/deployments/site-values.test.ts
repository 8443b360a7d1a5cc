import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parsePlan } from '../catalog/load.ts'
import { holds } from '../catalog/resolve.ts'
import { parseSiteFacts } from './site-facts.ts'
import { siteValues } from './site-values.ts'

const facts = {
  domain: 'example.org',
  publicUrl: 'https://hub.example.org',
  notebookUrl: 'https://notebook.example.org/',
  internalUrl: 'http://omegaweb.omegaml-services.svc.cluster.local:8080',
  mongo: { publicHost: 'mongo.example.org', internalHost: 'mongodb.svc:27017' },
  broker: { publicHost: 'broker.example.org', internalHost: 'rabbitmq.svc:5672' },
  images: { runtime: 'runtime:1' },
}
const file = resolve(import.meta.dirname, '../../catalog/plans/omegaml.yml')
const plan = parsePlan(readFileSync(file, 'utf8'), file)

/** Which of these steps an account gets on a site with other facts. */
function stepsOn(change: object): string[] {
  const site = siteValues(parseSiteFacts({ ...facts, ...change }, 'the test'))
  const values = { site, params: { vhost: false, home: 0 }, account: { person: true } }
  const says = (template: unknown) => holds(template, values, { plan: 'omegaml', step: '', field: '' })
  return plan.steps
    .filter(({ step }) => ['elsewhere', 'pull-secrets', 'notebook'].includes(step))
    .filter(({ when, unless }) => (when === undefined || says(when)) && (unless === undefined || !says(unless)))
    .map(({ step }) => step)
}

const cases: { site: object; steps: string[]; why: string }[] = [
  { site: {}, steps: ['notebook'], why: 'a site with everything of its own asks for nothing more' },
  { site: { notebooks: false }, steps: [], why: 'without a hub accounts get no user there' },
  {
    site: { imagePullSecrets: ['pull'] },
    steps: ['pull-secrets', 'notebook'],
    why: 'a private registry has credentials',
  },
  {
    site: { network: { externals: [{ cidr: '10.9.0.5/32', port: 27018 }] } },
    steps: ['elsewhere', 'notebook'],
    why: 'a service in a closed range is opened',
  },
  { site: { network: { hubNamespace: 'hub' } }, steps: ['elsewhere', 'notebook'], why: 'so is a hub elsewhere' },
]
for (const { site, steps, why } of cases) test(why, () => expect(stepsOn(site)).toEqual(steps))

test('services elsewhere are reached at their port alone, and the hub reaches notebooks', () => {
  const network = { externals: [{ cidr: '10.9.0.5/32', port: 27018 }], hubNamespace: 'hub' }
  const hub = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'hub' } } }
  expect(siteValues(parseSiteFacts({ ...facts, network }, 'the test'))['elsewhere']).toEqual({
    any: true,
    ingress: [{ from: [hub] }],
    egress: [
      { to: [{ ipBlock: { cidr: '10.9.0.5/32' } }], ports: [{ protocol: 'TCP', port: 27018 }] },
      { to: [hub], ports: [{ protocol: 'TCP', port: 8081 }] },
    ],
  })
})
