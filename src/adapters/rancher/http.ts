import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import type { Rancher } from './port.ts'

/** Its own cluster's name with every Rancher. */
const own = 'local'
const timeoutMs = 30_000
/** Cluster API's machines, in the namespace of Rancher's own clusters. */
const machinesPath = '/v1/cluster.x-k8s.io.machines/fleet-default'
const provisioned = z.object({
  spec: z.object({
    rkeConfig: z.object({ machinePools: z.array(z.object({ name: z.string(), quantity: z.int() })).default([]) }),
  }),
})
const machineList = z.object({
  data: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ clusterName: z.string() }),
      status: z.object({ nodeRef: z.object({ name: z.string() }).optional() }).optional(),
    }),
  ),
})
const clusterList = z.object({ data: z.array(z.object({ id: z.string(), name: z.string() })) })

/** Rancher's HTTP API. */
export function createRancher(): Rancher {
  return {
    missing: async (url, signal) => {
      try {
        const answer = await ask(`${url}/ping`, {}, signal)
        const text = (await answer.text()).trim()
        return text === 'pong' ? undefined : `${url}/ping answers ${answer.status}`
      } catch (cause) {
        signal.throwIfAborted()
        return `${url} does not answer (${reasonOf(cause)})`
      }
    },
    accepts: async (url, token) => {
      const { ok, status } = await get(`${url}/v3/users?me=true`, `asking ${url} whether it takes the token`, token)
      if (ok) return true
      if (status === 401) return false
      throw refused(`asking ${url} whether it takes the token`, status)
    },
    clusters: async (url, token) => {
      const what = `asking ${url} for its clusters`
      const answer = await get(`${url}/v3/clusters`, what, token)
      if (answer.status === 401) throw notTaken(what)
      if (!answer.ok) throw refused(what, answer.status)
      const { data } = clusterList.parse(await answer.json())
      return data.filter(({ id }) => id !== own)
    },
    poolSizes: async (url, token, cluster) => {
      const what = `asking ${url} for the machines of cluster ${cluster}`
      const path = `/v1/provisioning.cattle.io.clusters/fleet-default/${encodeURIComponent(cluster)}`
      const answer = await get(`${url}${path}`, what, token)
      if (answer.status === 404) return {}
      if (answer.status === 401) throw notTaken(what)
      if (!answer.ok) throw refused(what, answer.status)
      const { machinePools } = provisioned.parse(await answer.json()).spec.rkeConfig
      return Object.fromEntries(machinePools.map(({ name, quantity }) => [name, quantity]))
    },
    machines: async (url, token, cluster) => {
      const what = `asking ${url} for the machines of cluster ${cluster}`
      const answer = await get(`${url}${machinesPath}`, what, token)
      if (answer.status === 401) throw notTaken(what)
      if (!answer.ok) throw refused(what, answer.status)
      const { data } = machineList.parse(await answer.json())
      return data
        .filter(({ spec }) => spec.clusterName === cluster)
        .map(({ metadata: { name }, status }) => ({ name, node: status?.nodeRef?.name }))
    },
    deleteMachine: async (url, token, name) => {
      const what = `asking ${url} to forget machine ${name}`
      const answer = await get(`${url}${machinesPath}/${encodeURIComponent(name)}`, what, token, 'DELETE')
      if (answer.status === 401) throw notTaken(what)
      if (!answer.ok && answer.status !== 404) throw refused(what, answer.status)
    },
    manifest: async (address) => {
      const what = `fetching the agent’s manifest from ${new URL(address).origin}`
      const answer = await get(address, what)
      if (!answer.ok) throw refused(what, answer.status)
      return await answer.text()
    },
  }
}

async function get(address: string, what: string, token?: string, method: 'GET' | 'DELETE' = 'GET'): Promise<Response> {
  try {
    return await ask(address, token === undefined ? {} : { authorization: `Bearer ${token}` }, undefined, method)
  } catch (cause) {
    // Not the cause itself: it may name the address, which may hold a token.
    throw new AppError('unavailable', 'rancher-unreachable', `${what}: ${reasonOf(cause)}`)
  }
}

async function ask(
  address: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
  method = 'GET',
): Promise<Response> {
  const limit = AbortSignal.timeout(timeoutMs)
  const both = signal === undefined ? limit : AbortSignal.any([limit, signal])
  return await fetch(address, { method, headers, signal: both, redirect: 'error' })
}

function notTaken(what: string): AppError {
  return new AppError('unauthenticated', 'rancher-token', `${what}: it does not take the token`)
}

function refused(what: string, status: number): AppError {
  return new AppError('unavailable', 'rancher-refused', `${what}: it answers ${status}`)
}

/** Such as ENOTFOUND, DEPTH_ZERO_SELF_SIGNED_CERT. */
function reasonOf(error: unknown): string {
  const { cause, name } = error as { cause?: { code?: unknown }; name?: string }
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'no answer')
}
