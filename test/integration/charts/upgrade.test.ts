import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { parse } from 'yaml'
import type { TestCluster } from '../../support/kube-apiserver.ts'
import { startCluster } from '../../support/kube-apiserver.ts'
import type { ChartName, Manifest } from './helm.ts'
import {
  chartFolder,
  chartNames,
  helm,
  namespaceOf,
  parseManifests,
  runtimeNamespace,
  servicesNamespace,
} from './helm.ts'
import { get, type Kubectl, kubectlFor } from './kubectl.ts'

/** Of the snapshots in `previous/`. */
const previousVersion = '0.1.0'
let cluster: TestCluster
let kubectl: Kubectl
let folder: string

beforeAll(async () => {
  cluster = await startCluster()
  kubectl = kubectlFor(cluster.kubeconfig)
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-upgrade-'))
  for (const namespace of [servicesNamespace, runtimeNamespace]) await kubectl('create', 'namespace', namespace)
})

afterAll(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function snapshot(chart: ChartName): string {
  return readFileSync(join(import.meta.dirname, 'previous', `${chart}.yaml`), 'utf8')
}

/** The snapshot as a chart of that version: the same name, and its objects word by word. */
function previousChart(chart: ChartName): string {
  const place = join(folder, chart)
  mkdirSync(join(place, 'templates'), { recursive: true })
  const about = { apiVersion: 'v2', name: chart, version: previousVersion, appVersion: previousVersion }
  writeFileSync(join(place, 'Chart.yaml'), JSON.stringify(about))
  writeFileSync(join(place, 'templates/all.yaml'), snapshot(chart).replaceAll('{{', '{{ "{{" }}'))
  return place
}

function run(word: string, chart: ChartName, ...more: string[]): Promise<string> {
  const name = chart.replace('omegaml-', '')
  return helm([word, name, ...more, '--namespace', namespaceOf(chart)], {}, cluster.kubeconfig)
}

async function listed(
  kinds: string,
  namespaces: readonly string[] = [servicesNamespace, runtimeNamespace],
): Promise<Manifest[]> {
  const lists = await Promise.all(namespaces.map(async (place) => await get(kubectl, kinds, '--namespace', place)))
  return lists.flatMap(({ items }) => items)
}

const ours = ({ type }: Manifest) => type === 'Opaque'
const key = ({ kind, metadata }: Manifest) => `${kind}/${metadata.name}`

/** What must not change: identity of what holds data, data of Secrets, and pods of databases. */
async function kept(): Promise<Record<string, unknown>> {
  const secrets = (await listed('secrets')).filter(ours)
  const claims = await listed('persistentvolumeclaims')
  const databases = await listed('statefulsets')
  const volumes = (await get(kubectl, 'persistentvolumes')).items as Manifest[]
  return {
    secrets: Object.fromEntries(secrets.map((one) => [one.metadata.name, one.data])),
    identities: [...claims, ...volumes, ...databases].map((one) => `${key(one)} ${one.metadata.uid}`).sort(),
    bound: claims.map((one) => `${key(one)} ${one.spec.volumeName} ${one.status.phase}`),
    // Accounts' namespaces belong to the service's rows: no chart touches them.
    alice: (await listed('secrets,networkpolicies', ['om-alice'])).map(({ kind, metadata }) => ({
      kind,
      name: metadata.name,
      version: metadata.resourceVersion,
    })),
    pods: databases.map((one) => ({ of: key(one), template: one.spec.template })),
  }
}

describe(`from ${previousVersion} to this version`, () => {
  let before: Record<string, unknown>

  test('the charts have a newer version than the snapshots: changed templates are told apart', () => {
    for (const chart of chartNames) {
      const { version } = parse(readFileSync(join(chartFolder(chart), 'Chart.yaml'), 'utf8'))
      assert.notEqual(version, previousVersion, chart)
      assert.match(snapshot(chart), new RegExp(`helm.sh/chart: ${chart}-${previousVersion}\n`))
    }
  })

  test('installed as before, the claims are bound', async () => {
    for (const chart of chartNames) await run('install', chart, previousChart(chart))
    for (const name of ['mongodb', 'mysql', 'rabbitmq']) {
      const condition = '--for=jsonpath={.status.phase}=Bound'
      await kubectl('wait', condition, `pvc/${name}`, '--namespace', servicesNamespace, '--timeout=60s')
    }
    // What an account has.
    await kubectl('create', 'namespace', 'om-alice')
    await kubectl('create', 'secret', 'generic', 'runtime-worker', '--namespace', 'om-alice')
    before = await kept()
  })

  test('upgraded, Secrets, claims, volumes and the databases’ pods are what they were', async () => {
    for (const chart of chartNames) await run('upgrade', chart, chartFolder(chart))
    assert.deepEqual(await kept(), before)
  })

  test('what is there is what this version renders, and nothing of the old is left', async () => {
    for (const chart of chartNames) {
      const release = ['get', 'manifest', chart.replace('omegaml-', ''), '--namespace', namespaceOf(chart)]
      const wanted = parseManifests(await helm(release, {}, cluster.kubeconfig))
        .map(key)
        .sort()
      const instance = `app.kubernetes.io/instance=${chart.replace('omegaml-', '')}`
      const kinds =
        'deployments,statefulsets,jobs,services,configmaps,secrets,networkpolicies,serviceaccounts,pvc,roles,rolebindings'
      const wide = 'persistentvolumes,clusterroles,clusterrolebindings'
      const [inside, outside] = [
        await get(kubectl, kinds, '--namespace', namespaceOf(chart), '--selector', instance),
        await get(kubectl, wide, '--selector', instance),
      ]
      assert.deepEqual([...inside.items, ...outside.items].map(key).sort(), wanted, chart)
    }
  })

  test('a rollback brings back the objects of before, and keeps the same data', async () => {
    for (const chart of chartNames) await run('rollback', chart)
    assert.deepEqual(await kept(), before)
    const web = await get(kubectl, 'deployment', 'omegaweb', '--namespace', servicesNamespace)
    assert.equal(web.metadata.labels['helm.sh/chart'], `omegaml-system-${previousVersion}`)
  })

  test('upgraded once more, and removed, nothing stays but Secrets that the volumes know', async () => {
    for (const chart of chartNames) await run('upgrade', chart, chartFolder(chart))
    assert.deepEqual(await kept(), before)
    for (const chart of chartNames.toReversed()) await run('uninstall', chart, '--wait')
    const left = await listed('deployments,statefulsets,jobs,services,configmaps,networkpolicies,serviceaccounts,pvc')
    assert.deepEqual(
      left.map(key).filter((name) => !/kube-root-ca.crt|ServiceAccount\/default/.test(name)),
      [],
    )
    const secrets = (await listed('secrets')).map(({ metadata }) => String(metadata.name)).sort()
    assert.deepEqual(secrets, Object.keys(before['secrets'] as object).sort())
    assert.deepEqual((await kept())['alice'], before['alice'])
  })
})
