import type { Node, Pod } from '../../status/objects.ts'
import { quantity } from '../../base/quantity.ts'
import type { Worker } from '../../status/workers.ts'

/** Workers are listed by `active`, their tasks counted: RabbitMQ knows who works, not on what. */
export function runtimeBody(workers: readonly Worker[]) {
  const active = Object.fromEntries(workers.map(({ name }) => [name, []]))
  const queues = Object.fromEntries(workers.map((worker) => [worker.name, worker.queues.map((name) => ({ name }))]))
  return { objects: [{ active, queues }] }
}

/** The client prints these keys as columns, values as they are. */
export function podsBody(pods: readonly Pod[]) {
  return {
    objects: pods.map(({ name, namespace, status, node, nodeSelector }) => ({
      name,
      namespace,
      status,
      nodeName: node ?? '',
      nodeSelector: Object.entries(nodeSelector)
        .map((pair) => pair.join('='))
        .join(','),
    })),
  }
}

/** Every value of `capacity` must be a string of digits with Ki or without, `Ready` the string: anything else breaks the client. */
export function nodesBody(nodes: readonly Node[], isForAdmin: boolean) {
  return {
    objects: nodes.map(({ name, role, ready, capacity, labels, addresses }) => ({
      name,
      role,
      status: { Ready: ready },
      capacity: {
        cpu: String(Math.round(quantity(capacity['cpu']))),
        memory: kibibytes(capacity['memory']),
        'ephemeral-storage': kibibytes(capacity['ephemeral-storage']),
      },
      ...(isForAdmin ? { labels, addresses } : {}),
    })),
  }
}

function kibibytes(text: string | undefined): string {
  return `${Math.floor(quantity(text) / 1024)}Ki`
}

/** An object, not a list; megabytes. */
export function databaseBody(bytes: number) {
  return { objects: { kind: 'mongodb', size: Math.round(bytes / 10) / 1e5, status: 'OK' } }
}

/** As Prometheus answers an instant or a range query. */
export function metricBody(series: readonly Series[], isRange: boolean) {
  const result = series.map(({ metric, points }) => {
    const pairs = points.map(({ at, value }) => [at / 1000, String(value)] as const)
    return isRange ? { metric, values: pairs } : { metric, value: pairs.at(-1) }
  })
  return { objects: { status: 'success', data: { resultType: isRange ? 'matrix' : 'vector', result } } }
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly points: readonly { readonly at: number; readonly value: number }[]
}

export type DashboardCall = 'runtime' | 'pods' | 'nodes' | 'dbsize' | 'metrics' | 'logs'

/**
 * What a failed answer holds beside the error. The client looks at no status and reads on: what it would read must be
 * there, and the only place where its user can learn why is the table that it prints.
 */
export function failedBody(call: DashboardCall, message: string): Readonly<Record<string, unknown>> {
  const text = `error: ${message}`
  switch (call) {
    case 'runtime':
      return { objects: [{ active: { [text]: [] }, queues: {} }] }
    case 'pods':
      return { objects: [{ error: message }] }
    case 'nodes':
      return { objects: [{ name: text, role: '-', status: { Ready: 'Unknown' }, capacity: noCapacity }] }
    case 'dbsize':
      return { objects: { kind: 'mongodb', size: null, status: text } }
    case 'metrics':
      return { objects: { status: 'error', errorType: 'execution', error: message, data: { result: [] } } }
    case 'logs':
      return { entries: text }
  }
}

const noCapacity = { cpu: '0', memory: '0Ki', 'ephemeral-storage': '0Ki' }
