import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestCluster } from '../../../test/support/kube-apiserver.ts'
import { startCluster } from '../../../test/support/kube-apiserver.ts'
import { explain } from '../../base/errors.ts'
import { needProgram } from '../../../test/support/programs.ts'
import { createHelmCli } from './cli.ts'
import { helmContract } from './contract-suite.ts'
import type { Helm } from './port.ts'
import { releaseState } from '../../actions/release-state.ts'

let cluster: TestCluster
let folder: string
let chart: string
let helm: Helm

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloudmgr-helm-'))
  chart = join(folder, 'demo')
  await writeChart(chart)
  cluster = await startCluster()
  const own = join(folder, 'helm')
  helm = createHelmCli({
    program: needProgram('helm'),
    folder: own,
    kubeconfig: cluster.kubeconfig,
    kubernetes: cluster.kubernetes,
  })
})
afterAll(async () => {
  await cluster?.stop()
  await rm(folder, { recursive: true, force: true })
})

helmContract(() => ({ helm, chart }))

describe('the real program', () => {
  const release = (data: Record<string, unknown>) => ({ name: 'real', namespace: 'real', chart, values: { data } })

  test('a changed chart is another fingerprint, reordered values are not', async () => {
    const before = await helm.fingerprint({ ...release({}), values: { a: 1, b: 2 } })
    expect(await helm.fingerprint({ ...release({}), values: { b: 2, a: 1 } })).toBe(before)
    await writeFile(join(chart, 'NOTES.md'), 'changed')
    expect(await helm.fingerprint({ ...release({}), values: { a: 1, b: 2 } })).not.toBe(before)
  })

  test('objects are made as the values say, and values files do not stay', async () => {
    await helm.upgrade(release({ a: 'one' }))
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: 'real', namespace: 'real' }
    expect((await cluster.kubernetes.find(ref))?.['data']).toEqual({ a: 'one' })
    expect((await helm.objects('real', 'real')).map((one) => one.metadata.namespace)).toEqual(['real'])
    expect((await readdir(join(folder, 'helm'))).filter((name) => name.startsWith('values'))).toEqual([])
  })

  test('a refused object fails the release with the text of the server', async () => {
    await expect(helm.upgrade(release({ a: 5 }))).rejects.toMatchObject({ kind: 'invalid', code: 'release-refused' })
    const record = await helm.find('real', 'real')
    expect(record?.status).toBe('failed')
    await helm.upgrade(release({ a: 'two' }))
    expect((await helm.find('real', 'real'))?.status).toBe('deployed')
  })

  test('a field that the server does not know is refused by its name', async () => {
    const misspelt = join(folder, 'misspelt')
    await writeChart(misspelt)
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: misspelt}\ndatta: {a: one}\n'
    await writeFile(join(misspelt, 'templates', 'misspelt.yaml'), text)
    const refused = helm.upgrade({ ...release({}), name: 'misspelt', chart: misspelt })
    expect(await refused.catch(explain)).toMatch(/datta/)
  })

  test('values that the schema refuses are invalid', async () => {
    await expect(helm.upgrade({ ...release({}), values: { data: 'text' } })).rejects.toMatchObject({
      kind: 'invalid',
      code: 'chart-invalid',
    })
    await expect(helm.upgrade({ ...release({}), chart: join(folder, 'none') })).rejects.toMatchObject({
      kind: 'invalid',
    })
  })

  test('a release whose Helm was killed is stuck, is freed, and goes on with its objects kept', async () => {
    for (const name of ['killed-install', 'killed-upgrade']) {
      const wanted = { ...release({ a: 'kept' }), name, namespace: name }
      if (name === 'killed-upgrade') await helm.upgrade({ ...wanted, values: { data: { a: 'old' } } })
      await killInTheMiddle(wanted)
      expect(releaseState(await helm.find(name, name), await helm.fingerprint(wanted))).toBe('stuck')
      await expect(helm.upgrade(wanted)).rejects.toMatchObject({ kind: 'conflict', code: 'release-busy' })
      await helm.unlock(name, name)
      expect((await helm.upgrade(wanted)).status).toBe('deployed')
      expect(
        (await cluster.kubernetes.find({ apiVersion: 'v1', kind: 'ConfigMap', name, namespace: name }))?.['data'],
      ).toEqual({ a: 'kept' })
    }
  })

  /** A hook that never ends keeps Helm busy; the abort is a SIGKILL here because SIGTERM lets Helm tidy up. */
  async function killInTheMiddle(wanted: ReturnType<typeof release>): Promise<void> {
    const { execa } = await import('execa')
    const values = join(folder, 'killed.json')
    await writeFile(values, JSON.stringify({ ...wanted.values, hook: true }))
    const args = [
      'upgrade',
      wanted.name,
      chart,
      '--install',
      '--create-namespace',
      '--namespace',
      wanted.namespace,
      '--values',
      values,
    ]
    const child = execa(needProgram('helm'), args, { env: { KUBECONFIG: cluster.kubeconfig }, reject: false })
    await expect
      .poll(async () => (await helm.find(wanted.name, wanted.namespace))?.status, { timeout: 20_000 })
      .toMatch(/^pending/)
    child.kill('SIGKILL')
    await child
    await cluster.kubernetes.delete({
      apiVersion: 'batch/v1',
      kind: 'Job',
      name: `${wanted.name}-hook`,
      namespace: wanted.namespace,
    })
  }
})

async function writeChart(path: string): Promise<void> {
  await mkdir(join(path, 'templates'), { recursive: true })
  await writeFile(join(path, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 0.1.0\n')
  const schema = { type: 'object', properties: { data: { type: 'object' } } }
  await writeFile(join(path, 'values.schema.json'), JSON.stringify(schema))
  const configMap =
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata: {{ toJson .Values.data }}\n'
  await writeFile(join(path, 'templates', 'configmap.yaml'), configMap)
  const hook = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: '{{ .Release.Name }}-hook', annotations: { 'helm.sh/hook': 'pre-install,pre-upgrade' } },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a' }] } } },
  }
  await writeFile(join(path, 'templates', 'hook.yaml'), `{{- if .Values.hook }}\n${JSON.stringify(hook)}\n{{- end }}\n`)
}
