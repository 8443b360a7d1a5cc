import { AppError } from '../../base/errors.ts'
import type { Node } from '../../status/objects.ts'
import { quantity } from '../../base/quantity.ts'
import type { Point, Range } from '../../status/series.ts'
import type { AccountStatus } from '../../status/status.ts'
import type { Observed } from '../observed.ts'
import type { Series } from './dashboard-shapes.ts'
import { one, secondsOf, timeOf, wrong } from './words.ts'

const STEP_SECONDS = 300
const MINUTE_MS = 60_000
/** A little more than what is kept: earlier steps are empty anyway. */
const KEPT_MS = 25 * 60 * MINUTE_MS
/** As Prometheus limits it. */
const MAX_POINTS = 11_000

/** Percent of a node; of a pod, percent of one core and bytes. */
const metrics = ['node_cpu_usage', 'node_memory_usage', 'node_disk_usage', 'pod_cpu_usage', 'pod_memory_usage'] as const
type Metric = (typeof metrics)[number]

/** The series of a metric: nodes are everybody's to see, pods their account's. */
export async function metricOf(
  name: string,
  status: AccountStatus,
  { namespace }: Observed,
  range: Range | undefined,
): Promise<Series[]> {
  const metric = metrics.find((known) => known === name)
  if (metric === undefined) {
    const message = `there is no metric ${JSON.stringify(name)}; there are ${metrics.join(', ')}`
    throw new AppError('not-found', 'metric-unknown', message, { details: { metric: name, right: metrics } })
  }
  if (metric.startsWith('node')) return await nodeSeries(metric, status, range)
  if (namespace === undefined) return []
  const usage = await status.usage(`pods/${namespace}`, range)
  return [...usage].map(([pod, points]) => ({
    metric: { pod_name: pod, namespace },
    points: drawn(points, (point) => valueOf(metric, point)),
  }))
}

async function nodeSeries(metric: Metric, status: AccountStatus, range: Range | undefined): Promise<Series[]> {
  const [nodes, usage] = await Promise.all([status.nodes(), status.usage('nodes', range)])
  // A node that is gone has no capacity to compare with.
  return nodes.flatMap((node) => {
    if (quantity(node.capacity['cpu']) === 0) return []
    const name = node.cluster === undefined ? node.name : `${node.cluster}/${node.name}`
    const points = drawn(usage.get(name) ?? [], (point) => valueOf(metric, point, node))
    return points.length === 0 ? [] : [{ metric: { node: name }, points }]
  })
}

/** Points without a value are left out: not every node tells everything. */
function drawn(points: readonly Point[], value: (point: Point) => number | undefined): Series['points'] {
  return points.flatMap((point) => {
    const found = value(point)
    return found === undefined ? [] : [{ at: point.at, value: found }]
  })
}

function valueOf(metric: Metric, { cores, bytes, disk }: Point, node?: Node): number | undefined {
  switch (metric) {
    case 'node_cpu_usage':
      return percent(cores, quantity(node?.capacity['cpu']))
    case 'node_memory_usage':
      return percent(bytes, quantity(node?.capacity['memory']))
    case 'pod_cpu_usage':
      return percent(cores, 1)
    case 'pod_memory_usage':
      return bytes
    case 'node_disk_usage':
      return disk === undefined ? undefined : percent(disk, 1)
  }
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1e4) / 100
}

/** What the client asks for; `undefined` for the present. Steps that lie before what is kept are left out. */
export function rangeOf(
  query: Readonly<Record<string, string | string[] | undefined>>,
  now: number,
): Range | undefined {
  const [start, end] = [timeOf('start', one(query['start'])), timeOf('end', one(query['end']))]
  if (start === undefined && end === undefined) return undefined
  const stepMs = secondsOf('step', one(query['step']), STEP_SECONDS) * 1000
  const endMs = Math.min(end ?? now, now)
  const asked = start ?? endMs - 10 * MINUTE_MS
  if (end !== undefined && asked > end) {
    throw wrong('start', String(one(query['start'])), `a time before end (${String(one(query['end']))})`)
  }
  const skipped = Math.max(0, Math.ceil((now - KEPT_MS - asked) / stepMs))
  const range = { startMs: asked + skipped * stepMs, endMs, stepMs }
  if ((endMs - range.startMs) / stepMs <= MAX_POINTS) return range
  throw wrong(
    'step',
    String(one(query['step'])),
    `a step that makes ${MAX_POINTS} points at most between start and end`,
  )
}
