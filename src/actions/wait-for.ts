import { z } from 'zod'
import type { Kubernetes, Readiness } from '../adapters/kubernetes/port.ts'
import { describeRef } from '../adapters/kubernetes/port.ts'
import type { Network } from '../adapters/network/port.ts'
import type { Clock } from '../base/clock.ts'
import type { Action } from './action.ts'
import { waitUntil } from './wait-until.ts'
import { readinessOf } from './why-waiting.ts'

const API_VERSIONS: Readonly<Record<string, string>> = {
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
}

const workload = z.strictObject({
  kind: z.string().min(1),
  /** Known by the kind for workloads and Jobs; `v1` otherwise. */
  apiVersion: z.string().min(1).optional(),
  name: z.string().min(1),
  namespace: z.string().min(1).optional(),
})

const http = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'an http:// or https:// address' }),
  /** Statuses that count as an answer. */
  status: z.array(z.number().int().min(100).max(599)).min(1).default([200]),
  /** Sent as the Host header, where the name does not resolve here. */
  host: z.string().min(1).optional(),
  caFile: z.string().min(1).optional(),
})

const input = z
  .strictObject({
    /** Serves, is bound, exists: as its kind has it. */
    workload: workload.optional(),
    /** Is complete. */
    job: z.strictObject({ name: z.string().min(1), namespace: z.string().min(1) }).optional(),
    http: http.optional(),
    tcp: z.strictObject({ host: z.string().min(1), port: z.number().int().min(1).max(65_535) }).optional(),
    timeoutSeconds: z.number().int().min(1).max(7200).default(300),
  })
  .refine(
    ({ workload, job, http, tcp }) => [workload, job, http, tcp].filter((one) => one !== undefined).length === 1,
    {
      error: 'give exactly one of workload, job, http and tcp',
    },
  )

export type WaitForInput = z.infer<typeof input>

export interface WaitForParts {
  readonly kubernetes: Kubernetes
  readonly network: Network
  readonly clock: Clock
}

/** Ends when the condition holds, and says meanwhile why it does not. */
export function waitFor(parts: WaitForParts): Action<WaitForInput> {
  return {
    name: 'wait-for',
    input,
    // Waiting changes nothing: nothing can collide.
    locks: () => [],
    observe: async () => ({ state: 'absent', detail: 'waiting leaves nothing behind' }),
    ensure: async (wanted, context) => {
      const { what, check } = conditionOf(wanted, parts)
      await waitUntil({ what, check, timeoutMs: wanted.timeoutSeconds * 1000 }, parts.clock, context)
      return { changed: false, message: `${what}: ready` }
    },
    remove: async () => ({ changed: false, message: 'nothing to remove' }),
  }
}

interface Condition {
  readonly what: string
  readonly check: () => Promise<Readiness>
}

function conditionOf(
  { workload, job, http, tcp }: WaitForInput,
  { kubernetes, network, clock }: WaitForParts,
): Condition {
  const object = job === undefined ? workload : { ...job, kind: 'Job', apiVersion: undefined }
  if (object !== undefined) {
    const ref = { ...object, apiVersion: object.apiVersion ?? API_VERSIONS[object.kind] ?? 'v1' }
    return { what: describeRef(ref), check: () => readinessOf(kubernetes, ref, clock.now()) }
  }
  if (tcp !== undefined) {
    const check = async (): Promise<Readiness> => {
      await network.tcpOpen(tcp.host, tcp.port)
      return { state: 'ready', reason: 'open' }
    }
    return { what: `${tcp.host}:${tcp.port}`, check }
  }
  const { url, status: accepted, host, caFile } = http ?? { url: '', status: [], host: undefined, caFile: undefined }
  const check = async (): Promise<Readiness> => {
    const status = await network.httpStatus({ url, host, caFile })
    const isGood = accepted.includes(status)
    return isGood
      ? { state: 'ready', reason: `status ${status}` }
      : { state: 'waiting', reason: `it answers with status ${status}` }
  }
  return { what: url, check }
}
