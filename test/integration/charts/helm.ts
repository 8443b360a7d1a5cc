import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { needProgram } from '../../support/programs.ts'

const run = promisify(execFile)

export type ChartName = 'omegaml-storage' | 'omegaml-system' | 'omegaml-ingress' | 'omegaml-worker'
export const chartNames = ['omegaml-storage', 'omegaml-system', 'omegaml-ingress', 'omegaml-worker'] as const
export type Values = Readonly<Record<string, unknown>>

export const servicesNamespace = 'omegaml-services'
export const runtimeNamespace = 'omegaml-runtime'

export function namespaceOf(chart: ChartName): string {
  return chart === 'omegaml-worker' ? runtimeNamespace : servicesNamespace
}

export function chartFolder(chart: ChartName): string {
  return join(import.meta.dirname, '../../../charts', chart)
}

// oxlint-disable-next-line typescript/no-explicit-any -- manifests are read by tests only, field by field
export type Manifest = any

/** Runs Helm with values from a file, as the product does; rejects with what Helm says. */
export async function helm(words: readonly string[], values: Values = {}, kubeconfig?: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-helm-'))
  try {
    const file = join(folder, 'values.json')
    writeFileSync(file, JSON.stringify(values))
    const takesValues = ['lint', 'template', 'install', 'upgrade'].includes(words[0] ?? '')
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
    }
    const args = takesValues ? [...words, '--values', file] : [...words]
    const { stdout } = await run(needProgram('helm'), args, { env, maxBuffer: 32 * 1024 * 1024 })
    return stdout
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: string; stdout?: string }
    throw new Error(`helm ${words[0]}: ${stderr ?? ''}${stdout ?? ''}`, { cause: error })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The text of a chart's manifests without a cluster. */
export function renderText(chart: ChartName, values: Values = {}): Promise<string> {
  return helm(
    ['template', chart.replace('omegaml-', ''), chartFolder(chart), '--namespace', namespaceOf(chart)],
    values,
  )
}

export async function render(chart: ChartName, values: Values = {}): Promise<Manifest[]> {
  return parseManifests(await renderText(chart, values))
}

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((manifest) => manifest !== null && manifest !== undefined)
}

/** Pods of the workloads among manifests, with the name of their owner. */
export function podsOf(
  manifests: readonly Manifest[],
): { owner: string; kind: string; spec: Manifest; labels: Manifest }[] {
  return manifests
    .filter((manifest) => ['Deployment', 'StatefulSet', 'Job', 'CronJob'].includes(manifest.kind))
    .map(({ kind, metadata, spec }) => {
      const { template } = kind === 'CronJob' ? spec.jobTemplate.spec : spec
      return { owner: metadata.name, kind, spec: template.spec, labels: template.metadata.labels }
    })
}

/** What a worker's pods get as environment. */
export function settingsOf(manifests: readonly Manifest[], worker: string): Record<string, string> {
  const { data } = find(manifests, 'Secret', `${worker}-settings`)
  return Object.fromEntries(
    Object.entries(data as Record<string, string>).map(([name, value]) => [
      name,
      Buffer.from(value, 'base64').toString(),
    ]),
  )
}

export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)
  if (found === undefined)
    throw new Error(`no ${kind} ${name} among ${manifests.map((m) => `${m.kind} ${m.metadata.name}`).join(', ')}`)
  return found
}
