import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Action, ActionContext } from '../../actions/action.ts'
import { type HelmReleaseInput, helmRelease } from '../../actions/helm-release.ts'
import { waitUntil } from '../../actions/wait-until.ts'
import type { Helm } from '../../adapters/helm/port.ts'
import { describeRef, type Kubernetes, type Manifest, type Readiness, refOf } from '../../adapters/kubernetes/port.ts'
import type { Clock } from '../../base/clock.ts'
import { AppError, must } from '../../base/errors.ts'
import { type ClusterChart, loadProvider } from '../../clusters/provider.ts'
import { kubeletService, withRules } from '../file/monitoring.ts'
import { secretLabels, siteLabel } from '../manifests.ts'

const input = z.strictObject({
  site: z.string().min(1),
  /** Its file in `catalog/providers` pins the chart. */
  provider: z.string().min(1),
  /** Values of the chart, without our rules. Left out: the site has no monitoring, any more or at all. */
  monitoring: z.strictObject({ values: z.record(z.string(), z.unknown()).optional() }).default({}),
  /** What receivers are told by; none where no receiver needs one. */
  secrets: z.array(z.custom<Manifest>()).default([]),
})

export type MonitoringInput = z.infer<typeof input>

export interface MonitoringDeps {
  readonly helm: Helm
  readonly kubernetes: Kubernetes
  readonly clock: Clock
  /** `catalog/providers`. */
  readonly providers: string
  /** File with our rules. */
  readonly rules: string
  /** Where charts are kept that were fetched. */
  readonly folder: string
}

const TIMEOUT_SECONDS = 900
const group = 'monitoring.coreos.com'
/** On the namespace: the operator's kinds came with us. */
const broughtKinds = 'omegaml.io/brought-kinds'

/**
 * Prometheus and Alertmanager of a cluster where no Rancher brings them: the provider's pinned chart, our rules, and who
 * hears of alerts. Its namespace goes with the site's own (`site-objects`), so that figures are kept like other data.
 */
export function monitoringAction(deps: MonitoringDeps): Action<MonitoringInput> {
  const { helm, kubernetes, clock, folder, providers } = deps
  const releases = helmRelease({ helm, kubernetes, clock, charts: folder })
  const chartOf = ({ provider }: MonitoringInput) =>
    must(loadProvider(providers, provider).monitoring, `monitoring of catalog/providers/${provider}.yml`)
  const wantedRelease = (chart: ClusterChart, values: object) =>
    releaseOf(chart, withRules({ ...values }, readRules(deps)))
  const takeAway = async (wanted: MonitoringInput, context: ActionContext) => {
    const chart = chartOf(wanted)
    const own = await ownNamespace(chart, wanted.site, kubernetes)
    if (own === undefined) return { changed: false, message: 'there is none' }
    const result = await releases.remove(releaseOf(chart, {}), context)
    await removeOperatorsTraces(chart, own, kubernetes, context)
    return result
  }
  return {
    name: 'monitoring',
    input,
    locks: () => ['monitoring'],
    observe: async (wanted, context) => {
      const chart = chartOf(wanted)
      const own = await ownNamespace(chart, wanted.site, kubernetes)
      if (own === undefined) return { state: 'absent' }
      const { values } = wanted.monitoring
      if (values !== undefined) return await releases.observe(wantedRelease(chart, values), context)
      const left = broughtIn(own) || (await helm.find(chart.release, chart.namespace)) !== undefined
      return { state: left ? 'present' : 'absent' }
    },
    ensure: async (wanted, context) => {
      const { site, secrets, monitoring } = wanted
      if (monitoring.values === undefined) return await takeAway(wanted, context)
      const chart = chartOf(wanted)
      await refuseOthersPrometheus(kubernetes, chart.namespace)
      await fetchChart(chart, deps, context)
      await ensureNamespace(chart, site, kubernetes)
      for (const secret of secrets)
        await kubernetes.apply({ ...secret, metadata: { ...secret.metadata, namespace: chart.namespace } })
      const result = await releases.ensure(wantedRelease(chart, monitoring.values), context)
      await untilOperated(await helm.objects(chart.release, chart.namespace), deps, context)
      return result
    },
    remove: takeAway,
  }
}

function releaseOf({ release, namespace, chart, version, values = {} }: ClusterChart, more: object): HelmReleaseInput {
  return {
    release,
    namespace,
    chart: fileOf({ chart, version }),
    values: { ...values, ...more },
    wait: true,
    createNamespace: false,
    timeoutSeconds: TIMEOUT_SECONDS,
  }
}

const fileOf = ({ chart, version }: Pick<ClusterChart, 'chart' | 'version'>) => `${chart}-${version}.tgz`

function readRules({ rules }: Pick<MonitoringDeps, 'rules'>): readonly unknown[] {
  return (parse(readFileSync(rules, 'utf8')) as { groups: unknown[] }).groups
}

/** Its namespace, where it is the site's: what somebody installed by hand under this name is left alone. */
async function ownNamespace(
  { namespace: name }: ClusterChart,
  site: string,
  kubernetes: Kubernetes,
): Promise<Manifest | undefined> {
  const found = await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name })
  return found?.metadata.labels?.[siteLabel] === site ? found : undefined
}

const broughtIn = ({ metadata }: Manifest): boolean => metadata.annotations?.[broughtKinds] === 'true'

async function fetchChart(chart: ClusterChart, { helm, folder }: MonitoringDeps, context: ActionContext) {
  const { repository, version } = chart
  context.waiting(`chart ${chart.chart} ${version} of ${repository}`)
  try {
    await helm.pull({ chart: chart.chart, version, repository }, folder, { signal: context.signal })
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== 'chart-unreachable') throw cause
    const right = `a way to ${repository} (HTTPS_PROXY is heeded), or the packed chart as ${join(folder, fileOf(chart))}; the rest of the site is there, and up continues`
    throw new AppError(
      cause.kind,
      cause.code,
      `fetching chart ${chart.chart} ${version} of ${repository}; right is ${right}`,
      {
        cause: cause.cause,
        details: { field: 'monitoring.enabled', right },
      },
    )
  } finally {
    context.waiting(undefined)
  }
}

/** Two operators would fight over each other's objects. */
export async function refuseOthersPrometheus(kubernetes: Kubernetes, own: string): Promise<void> {
  if (!(await kindsOf(kubernetes)).includes('Prometheus')) return
  const found = await kubernetes.list({ apiVersion: `${group}/v1`, kind: 'Prometheus' })
  const other = found.find(({ metadata }) => metadata.namespace !== own)
  if (other === undefined) return
  const right =
    'to leave monitoring out of the site file, and to give that one the rules and receivers that ./cloudmgr render writes'
  const what = describeRef(refOf({ ...other, kind: 'Prometheus' }))
  throw new AppError(
    'conflict',
    'monitoring-taken',
    `monitoring.enabled: this cluster has ${what} already, whose operator looks after all of them; right is ${right}`,
    { details: { field: 'monitoring.enabled', right } },
  )
}

async function definitions(kubernetes: Kubernetes): Promise<readonly Manifest[]> {
  const all = await kubernetes.list({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' })
  return all.filter(({ spec }) => (spec as { group?: string } | undefined)?.group === group)
}

interface DefinitionSpec {
  readonly names: { readonly kind: string }
  readonly versions: readonly { readonly name: string; readonly served: boolean }[]
}

async function kindsOf(kubernetes: Kubernetes): Promise<readonly string[]> {
  return (await definitions(kubernetes)).map(({ spec }) => (spec as DefinitionSpec).names.kind)
}

/** A namespace of this name that is somebody else's is not taken over. */
async function ensureNamespace(chart: ClusterChart, site: string, kubernetes: Kubernetes): Promise<void> {
  const { namespace: name, release } = chart
  const own = await ownNamespace(chart, site, kubernetes)
  if (own === undefined && (await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name })) !== undefined) {
    const right = `a cluster without it, or to leave monitoring out; after helm uninstall ${release} and the namespace's deletion up brings its own`
    throw new AppError(
      'conflict',
      'namespace-taken',
      `monitoring.enabled: Namespace ${name} was not made by cloudmgr for site ${site}: it is left alone; right is ${right}`,
      { details: { field: 'monitoring.enabled', value: name, right } },
    )
  }
  const brings = (own !== undefined && broughtIn(own)) || (await definitions(kubernetes)).length === 0
  await kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: { ...secretLabels, [siteLabel]: site },
      ...(brings ? { annotations: { [broughtKinds]: 'true' } } : {}),
    },
  })
}

/** The release is accepted before the operator has made anything of it: what it says of a receiver is told here. */
async function untilOperated(
  objects: readonly Manifest[],
  { kubernetes, clock }: MonitoringDeps,
  context: ActionContext,
): Promise<void> {
  const operated = objects.filter(
    ({ apiVersion, kind }) => apiVersion.startsWith(`${group}/`) && ['Prometheus', 'Alertmanager'].includes(kind),
  )
  for (const object of operated) {
    const check = async () => operatedReadiness(await kubernetes.find(refOf(object)))
    const what = describeRef(refOf(object))
    await waitUntil({ what, timeoutMs: TIMEOUT_SECONDS * 1000, check }, clock, context)
  }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly message?: string
}

export function operatedReadiness(found: Manifest | undefined): Readiness {
  const { conditions = [] } = (found?.['status'] ?? {}) as { conditions?: readonly Condition[] }
  const of = (type: string) => conditions.find((one) => one.type === type)
  const [reconciled, available] = [of('Reconciled'), of('Available')]
  if (reconciled?.status === 'False')
    return { state: 'waiting', reason: `its operator says: ${reconciled.message ?? 'not reconciled'}`, broken: true }
  if (available?.status === 'True') return { state: 'ready', reason: 'available' }
  return { state: 'waiting', reason: available?.message || 'its operator has not looked at it yet' }
}

/**
 * What the operator made and Helm does not know of: the kubelets' Service, and its kinds where nobody else uses them. Those
 * that somebody uses are theirs from then on.
 */
async function removeOperatorsTraces(
  { release, namespace: name }: ClusterChart,
  own: Manifest,
  kubernetes: Kubernetes,
  { signal, output }: ActionContext,
): Promise<void> {
  for (const kind of ['Service', 'Endpoints'])
    await kubernetes.delete({ apiVersion: 'v1', kind, ...kubeletService(release) }, { signal })
  if (!broughtIn(own)) return
  const kinds = await definitions(kubernetes)
  const used = await Promise.all(kinds.map(async (one) => (await objectsOf(one, kubernetes)).length > 0))
  if (used.includes(true)) output(`kept: the kinds of ${group}, which somebody uses`)
  else for (const one of kinds) await kubernetes.delete(refOf(one), { signal })
  const gone = { metadata: { annotations: { [broughtKinds]: null } } }
  await kubernetes.change({ apiVersion: 'v1', kind: 'Namespace', name }, gone)
}

async function objectsOf({ spec }: Manifest, kubernetes: Kubernetes): Promise<readonly Manifest[]> {
  const { names, versions } = spec as DefinitionSpec
  const served = versions.find((one) => one.served)
  if (served === undefined) return []
  return await kubernetes.list({ apiVersion: `${group}/${served.name}`, kind: names.kind })
}
