import { z } from 'zod'
import type { Action, ActionContext } from '../../actions/action.ts'
import { waitForObjects } from '../../actions/workloads.ts'
import type { Helm } from '../../adapters/helm/port.ts'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import type { Clock } from '../../base/clock.ts'
import { type ClusterChart, loadProvider } from '../../clusters/provider.ts'

const input = z.strictObject({ provider: z.string().min(1) })

export type ClusterChartsInput = z.infer<typeof input>

export interface ClusterChartsDeps {
  readonly helm: Helm
  readonly kubernetes: Kubernetes
  readonly clock: Clock
  /** `catalog/providers`. */
  readonly providers: string
  /** Where charts are kept that were fetched. */
  readonly folder: string
}

const TIMEOUT_MS = 600_000

/** What a provider's cluster lacks, from pinned charts. What is there already, whoever brought it, is left alone. */
export function clusterChartsAction(deps: ClusterChartsDeps): Action<ClusterChartsInput> {
  const charts = ({ provider }: ClusterChartsInput) => loadProvider(deps.providers, provider).charts ?? []
  return {
    name: 'cluster-charts',
    input,
    locks: ({ provider }) => [`cluster-charts:${provider}`],
    observe: async (wanted) => {
      const states = await Promise.all(charts(wanted).map(async (chart) => await stateOf(chart, deps)))
      if (!states.includes('ours')) return { state: 'absent', detail: 'none of them is ours' }
      return { state: states.includes('missing') ? 'different' : 'present' }
    },
    ensure: async (wanted, context) => {
      const brought: string[] = []
      for (const chart of charts(wanted)) if (await bringChart(chart, deps, context)) brought.push(chart.release)
      return {
        changed: brought.length > 0,
        message: brought.length > 0 ? `brought ${brought.join(', ')}` : 'nothing is missing',
      }
    },
    remove: async (wanted, { signal, output }) => {
      const gone: string[] = []
      for (const { release, namespace } of charts(wanted)) {
        if ((await deps.helm.find(release, namespace))?.fingerprint === undefined) continue
        if (await deps.helm.uninstall(release, namespace, { signal, output: (line) => output(line) }))
          gone.push(release)
      }
      return { changed: gone.length > 0, message: gone.length > 0 ? `removed ${gone.join(', ')}` : 'none was ours' }
    },
  }
}

/** Whether it is there: by somebody else, by us, or not at all. */
async function stateOf(
  chart: ClusterChart,
  { helm, kubernetes }: Pick<ClusterChartsDeps, 'helm' | 'kubernetes'>,
): Promise<'others' | 'ours' | 'missing'> {
  const record = await helm.find(chart.release, chart.namespace)
  if (record !== undefined) return record.fingerprint === undefined ? 'others' : 'ours'
  if (chart.unless === undefined) return 'missing'
  return (await kubernetes.find(chart.unless)) === undefined ? 'missing' : 'others'
}

/** True when it had to be installed or changed. */
export async function bringChart(
  chart: ClusterChart,
  deps: Omit<ClusterChartsDeps, 'providers'>,
  context: ActionContext,
): Promise<boolean> {
  const { helm } = deps
  const { release: name, namespace, version, repository, values = {} } = chart
  const state = await stateOf(chart, deps)
  if (state === 'others') {
    context.output(`${name} is there already: left alone`)
    return false
  }
  context.waiting(`chart ${chart.chart} ${version} of ${repository}`)
  const run = { signal: context.signal, output: (line: string) => context.output(line) }
  const path = await helm.pull({ chart: chart.chart, version, repository }, deps.folder, run)
  const release = { name, namespace, chart: path, values }
  if (state === 'ours' && (await helm.find(name, namespace))?.fingerprint === (await helm.fingerprint(release)))
    return false
  await helm.upgrade(release, run)
  await waitForObjects(await helm.objects(name, namespace), TIMEOUT_MS, { ...deps, context })
  return true
}
