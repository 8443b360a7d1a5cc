import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { parse } from 'yaml'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { bound, createTestContext } from '../../src/actions/testing.ts'
import { createHelmCli } from '../../src/adapters/helm/cli.ts'
import { type Manifest, refOf } from '../../src/adapters/kubernetes/port.ts'
import type { Clock } from '../../src/base/clock.ts'
import { loadProvider } from '../../src/clusters/provider.ts'
import { monitoringAction } from '../../src/site/actions/monitoring.ts'
import { siteObjectsAction } from '../../src/site/actions/site-objects.ts'
import { providersFolder, rulesFile } from '../../src/site/cloud-roots.ts'
import { checkParsed, ruleFacts } from '../../src/site/file/check.ts'
import { monitoringValues } from '../../src/site/file/monitoring.ts'
import { parseSiteFile } from '../../src/site/file/read.ts'
import { namespaceManifests, secret } from '../../src/site/manifests.ts'
import { type ChartRepository, startChartRepository } from '../support/chart-repository.ts'
import { startCluster, type TestCluster } from '../support/kube-apiserver.ts'
import { monitoringChart } from '../support/monitoring-chart.ts'
import { needProgram } from '../support/programs.ts'

/**
 * Monitoring without Rancher, by the catalogue's own address and pin. Real: API server, Helm, HTTPS. Stood in for: the
 * chart, and its operator, whose words the tests say.
 */
const project = resolve(import.meta.dirname, '../..')
const providers = providersFolder(project)
const pinned = loadProvider(providers, 'existing').monitoring
let cluster: TestCluster
let repository: ChartRepository
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-monitoring-'))
  const host = new URL(pinned?.repository ?? '').hostname
  repository = await startChartRepository(host, monitoringChart(pinned?.version ?? ''))
  cluster = await startCluster()
  for (const object of namespaceManifests('acme')) await cluster.kubernetes.apply(object)
})
beforeEach(() => {
  for (const [name, value] of Object.entries(repository.env)) vi.stubEnv(name, value)
  return () => vi.unstubAllEnvs()
})
afterAll(async () => {
  await cluster?.stop()
  await repository?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Minutes of waiting pass in seconds. */
function hurried(): Clock {
  let ahead = 0
  return {
    now: () => Date.now() + ahead,
    sleep: async (ms, signal) => {
      ahead += ms
      await delay(20, undefined, { signal })
    },
  }
}

function valuesOf(receivers: string) {
  const text = `name: acme
domain: acme.example.org
provider: {kind: existing, kubeconfig: {env: K}}
storage: {class: fast}
mail: {smtp: {host: mail.example.org, user: hub, password: {env: M}}}
monitoring: {enabled: true, receivers: ${receivers}}
`
  const parsed = parseSiteFile(text, '/site.yml')
  return monitoringValues(checkParsed(parsed, ruleFacts(parsed.site, project)).site)
}

const receivers = '[{kind: mail, to: [ops@example.org]}, {kind: webhook, url: {env: W}}]'

function monitoring(values: object | undefined, { charts = 'charts' } = {}) {
  const { kubernetes, kubeconfig } = cluster
  const helm = createHelmCli({ program: needProgram('helm'), folder: join(folder, 'helm'), kubeconfig, kubernetes })
  const deps = {
    helm,
    kubernetes,
    clock: hurried(),
    providers,
    rules: rulesFile(project),
    folder: join(folder, charts),
  }
  return bound(monitoringAction(deps), {
    site: 'acme',
    provider: 'existing',
    monitoring: { values },
    secrets: [secret('', 'site-alerts', { 'receiver-1': 'https://hook.example.org/secret', 'smtp-password': 'p' })],
  })
}

const namespace = 'omegaml-monitoring'
const operated = { apiVersion: 'monitoring.coreos.com/v1', namespace }
const find = async (kind: string, name: string, apiVersion = 'v1') =>
  await cluster.kubernetes.find({ apiVersion, kind, name, namespace })
const kinds = async () =>
  (await cluster.kubernetes.list({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' })).length

/** What the operator says of both, as soon as they are there. */
async function operatorSays(conditions: readonly object[]): Promise<void> {
  const patch = JSON.stringify({ status: { conditions } })
  for (const [kind, name] of [
    ['Prometheus', 'omegaml-monitoring-prometheus'],
    ['Alertmanager', 'omegaml-monitoring-alertmanager'],
  ] as const) {
    await vi.waitFor(async () => expect(await find(kind, name, operated.apiVersion)).toBeDefined(), { timeout: 60_000 })
    const words = ['patch', `${kind}.monitoring.coreos.com`, name, '-n', namespace, '--subresource=status']
    const how = ['--type=merge', '-p', patch, '--kubeconfig', cluster.kubeconfig]
    await execa(needProgram('kubectl'), [...words, ...how])
  }
}

const works = [
  { type: 'Reconciled', status: 'True' },
  { type: 'Available', status: 'True' },
]

test('a repository that can’t be reached is told with the ways round it, and nothing else is harmed', async () => {
  vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9')
  const refused = monitoring(valuesOf(receivers), { charts: 'none' }).ensure()
  await expect(refused).rejects.toMatchObject({ kind: 'unavailable', code: 'chart-unreachable' })
  await expect(refused).rejects.toThrow(
    /kube-prometheus-stack 80\.9\.1 of https:\S+; right is .*HTTPS_PROXY.*none\/kube-prometheus-stack-80\.9\.1\.tgz/,
  )
  expect(await monitoring(undefined).observe()).toEqual({ state: 'absent' })
})

test('the pinned chart comes with our rules, receivers and their secrets, once', async () => {
  const [made] = await Promise.all([monitoring(valuesOf(receivers)).ensure(), operatorSays(works)])
  expect(made).toMatchObject({ changed: true })
  const rule = await find('PrometheusRule', 'omegaml-monitoring-omegaml', operated.apiVersion)
  expect(rule).toMatchObject({ spec: { groups: [{ name: 'omegaml', rules: expect.anything() }] } })
  const { data } = (await find('Secret', 'alertmanager-omegaml-monitoring-alertmanager')) as Manifest & {
    data: Record<string, string>
  }
  const config = Buffer.from(data['alertmanager.yaml'] ?? '', 'base64').toString()
  expect((parse(config) as { receivers: object[] }).receivers[1]).toMatchObject({
    email_configs: [
      { to: 'ops@example.org', auth_password_file: '/etc/alertmanager/secrets/site-alerts/smtp-password' },
    ],
    webhook_configs: [{ url_file: '/etc/alertmanager/secrets/site-alerts/receiver-1' }],
  })
  expect(config).not.toContain('hook.example.org')
  expect(await find('Secret', 'site-alerts')).toBeDefined()
  expect(await find('Alertmanager', 'omegaml-monitoring-alertmanager', operated.apiVersion)).toMatchObject({
    spec: { secrets: ['site-alerts'] },
  })
  expect(await monitoring(valuesOf(receivers)).ensure()).toMatchObject({ changed: false })
  expect(await monitoring(valuesOf(receivers)).observe()).toEqual({ state: 'present' })
})

test('what the operator says of receivers that it can’t use ends the step', async () => {
  await operatorSays([{ type: 'Reconciled', status: 'False', message: 'provision alertmanager configuration: bad' }])
  const context = createTestContext()
  await expect(monitoring(valuesOf('[]')).ensure(context)).rejects.toThrow(/provision alertmanager configuration: bad/)
  await operatorSays(works)
  expect(await monitoring(valuesOf(receivers)).ensure()).toMatchObject({ changed: true })
})

test('a removal leaves nothing of it in the cluster; kinds that somebody uses meanwhile stay', async () => {
  const { kubernetes } = cluster
  const kubelets: Manifest = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'omegaml-monitoring-kubelet', namespace: 'kube-system' },
    spec: { clusterIP: 'None', ports: [{ port: 10_250, protocol: 'TCP' }] },
  }
  await kubernetes.apply(kubelets)
  // The site file no longer has it.
  expect(await monitoring(undefined).ensure()).toMatchObject({ changed: true })
  expect(await kubernetes.find(refOf(kubelets))).toBeUndefined()
  expect(await kinds()).toBe(0)
  expect(await monitoring(undefined).observe()).toEqual({ state: 'absent' })
  expect(await monitoring(undefined).ensure()).toMatchObject({ changed: false })

  await Promise.all([monitoring(valuesOf(receivers)).ensure(), operatorSays(works)])
  const theirs = { name: 'theirs', namespace: 'default' }
  await kubernetes.apply({ apiVersion: operated.apiVersion, kind: 'PrometheusRule', metadata: theirs, spec: {} })
  const context = createTestContext()
  await monitoring(undefined).remove(context)
  expect(context.lines).toContainEqual(expect.stringContaining('kept: the kinds of monitoring.coreos.com'))
  expect(await kinds()).toBe(3)
  expect(await monitoring(undefined).observe()).toEqual({ state: 'absent' })
  const objects = siteObjectsAction({ kubernetes, helm: undefined as never, sleep: async () => {} })
  await bound(objects, { site: 'acme', of: 'site', data: 'delete' }).remove()
  expect(await find('Namespace', namespace)).toBeUndefined()
})

test('a cluster that has a Prometheus already is left to its operator', async () => {
  const { kubernetes } = cluster
  // The kinds are still there: somebody uses them.
  const other: Manifest = {
    ...operated,
    kind: 'Prometheus',
    metadata: { name: 'theirs', namespace: 'default' },
    spec: {},
  }
  await kubernetes.apply(other)
  await expect(monitoring(valuesOf(receivers)).ensure()).rejects.toMatchObject({
    code: 'monitoring-taken',
    details: { field: 'monitoring.enabled' },
  })
})
