import { z } from 'zod'
import type { Action, ActionContext } from '../../actions/action.ts'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import { must } from '../../base/errors.ts'
import { quantity } from '../../base/quantity.ts'
import { roleLabel } from '../../clusters/existing-cluster.ts'
import { gpuResource } from '../../clusters/gpu.ts'
import { type ClusterChart, loadProvider } from '../../clusters/provider.ts'
import { bringChart, type ClusterChartsDeps } from './cluster-charts.ts'

const input = z.strictObject({
  /** Its file in `catalog/providers` pins the chart. */
  provider: z.string().min(1),
  gpu: z.strictObject({
    /** Some machines of the site have GPUs. */
    wanted: z.boolean(),
    /** Roles of nodes with GPUs that are not ours to label; none: the label of our pools tells. */
    roles: z.array(z.string()).default([]),
  }),
})

export type GpuPluginInput = z.infer<typeof input>

/** NVIDIA's device plugin, where machines of the site have GPUs and nobody offers them yet. */
export function gpuPluginAction(deps: ClusterChartsDeps): Action<GpuPluginInput> {
  const { helm, kubernetes, providers } = deps
  const chartOf = ({ provider, gpu }: GpuPluginInput) =>
    onRoles(must(loadProvider(providers, provider).gpu, `gpu of catalog/providers/${provider}.yml`), gpu.roles)
  const isOurs = async ({ release, namespace }: ClusterChart) =>
    (await helm.find(release, namespace))?.fingerprint !== undefined
  const takeAway = async (wanted: GpuPluginInput, { signal, output }: ActionContext) => {
    const chart = chartOf(wanted)
    if (!(await isOurs(chart))) return { changed: false, message: 'none is ours' }
    const changed = await helm.uninstall(chart.release, chart.namespace, { signal, output: (line) => output(line) })
    return { changed, message: `removed ${chart.release}` }
  }
  return {
    name: 'gpu-plugin',
    input,
    locks: () => ['gpu-plugin'],
    observe: async (wanted) => {
      if (!(await isOurs(chartOf(wanted)))) return { state: 'absent', detail: 'none is ours' }
      return { state: wanted.gpu.wanted ? 'present' : 'different' }
    },
    ensure: async (wanted, context) => {
      if (!wanted.gpu.wanted) return await takeAway(wanted, context)
      const chart = chartOf(wanted)
      const node = (await isOurs(chart)) ? undefined : await nodeWithGpus(kubernetes)
      if (node !== undefined) return { changed: false, message: `node ${node} offers its GPUs already: left alone` }
      const changed = await bringChart(chart, deps, context)
      return { changed, message: changed ? `brought ${chart.release}` : 'nothing is missing' }
    },
    remove: takeAway,
  }
}

/** Somebody's plugin is at work there: a managed cluster's own, or that of NVIDIA's GPU operator. */
async function nodeWithGpus(kubernetes: Kubernetes): Promise<string | undefined> {
  const nodes = await kubernetes.list({ apiVersion: 'v1', kind: 'Node' })
  return nodes.find(({ status }) => {
    const { capacity = {} } = (status ?? {}) as { capacity?: Readonly<Record<string, unknown>> }
    return quantity(capacity[gpuResource]) > 0
  })?.metadata.name
}

/** The chart's usual affinity asks for labels that nodes of others need not have. */
function onRoles(chart: ClusterChart, roles: readonly string[]): ClusterChart {
  if (roles.length === 0) return chart
  const matchExpressions = [{ key: roleLabel, operator: 'In', values: roles }]
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } }
  return { ...chart, values: { ...chart.values, affinity: { nodeAffinity: required } } }
}
