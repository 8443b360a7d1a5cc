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
/** Where Rancher keeps clusters that it makes. */
const clustersAt = '/v1/provisioning.cattle.io.clusters/fleet-default'
const proxies = '/v1/management.cattle.io.clusterproxyconfigs'
const credentials = '/v3/cloudcredentials'
const machines = (driver: string) => `/v1/rke-machine-config.cattle.io.${driver}configs/fleet-default`
const drivers = ['amazonec2', 'azure', 'digitalocean', 'google', 'linode', 'openstack', 'vmwarevsphere']
const ORDERED_BY = 'omegaml.io/ordered-by'

const proxyList = z.object({ data: z.array(z.object({ enabled: z.boolean().default(false) })) })
const labels = z.record(z.string(), z.string()).nullish()
const credentialList = z.object({ data: z.array(z.object({ id: z.string(), labels })) })
const objectList = z.object({ data: z.array(z.object({ metadata: z.object({ name: z.string(), labels }) })) })
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
    takeServiceTokens: async (url, token, cluster) => {
      const what = `asking ${url} for the proxy of cluster ${cluster}`
      const { data } = proxyList.parse(await listed(url, token, `${proxies}/${cluster}`, what))
      if (data.some(({ enabled }) => enabled)) return
      if (data.length > 0) {
        const text = `${what}: somebody turned JWT Authentication of the cluster off; right is to enable it (Cluster Management, Advanced), because the API looks into the cluster by it`
        throw new AppError('conflict', 'rancher-proxy', text)
      }
      const metadata = { namespace: cluster, name: 'clusterproxyconfig' }
      const body = JSON.stringify({ type: 'management.cattle.io.clusterproxyconfig', metadata, enabled: true })
      const { ok, status } = await send('POST', `${url}${proxies}`, what, token, body)
      if (!ok && status !== 409) throw refused(what, status)
    },
    orderedClusters: async (url, token, site) => {
      const what = `asking ${url} for the clusters that site ${site} ordered`
      return namesOf(await listed(url, token, clustersAt, what), site)
    },
    deleteCluster: async (url, token, name) => await remove(url, token, `${clustersAt}/${name}`),
    deleteOrderedParts: async (url, token, site) => {
      const what = `asking ${url} for what site ${site} ordered clusters with`
      const { data } = credentialList.parse(await listed(url, token, credentials, what))
      const own = data.filter((one) => one.labels?.[ORDERED_BY] === site)
      for (const { id } of own) await remove(url, token, `${credentials}/${id}`)
      for (const path of drivers.map(machines))
        for (const name of namesOf(await listed(url, token, path, what), site))
          await remove(url, token, `${path}/${name}`)
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
      const answer = await send('DELETE', `${url}${machinesPath}/${encodeURIComponent(name)}`, what, token)
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

/** Nothing, where it does not know such things. */
async function listed(url: string, token: string, path: string, what: string): Promise<unknown> {
  const answer = await get(`${url}${path}`, what, token)
  if (answer.status === 404) return { data: [] }
  if (answer.status === 401) throw notTaken(what)
  if (!answer.ok) throw refused(what, answer.status)
  return await answer.json()
}

function namesOf(list: unknown, site: string): string[] {
  const own = objectList.parse(list).data.filter(({ metadata }) => metadata.labels?.[ORDERED_BY] === site)
  return own.map(({ metadata }) => metadata.name)
}

async function remove(url: string, token: string, path: string): Promise<void> {
  const what = `asking ${url} to delete ${path}`
  const { ok, status } = await send('DELETE', `${url}${path}`, what, token)
  if (status === 401) throw notTaken(what)
  if (!ok && status !== 404) throw refused(what, status)
}

async function get(address: string, what: string, token?: string): Promise<Response> {
  return await send('GET', address, what, token)
}

async function send(
  method: string,
  address: string,
  what: string,
  token: string | undefined,
  body?: string,
): Promise<Response> {
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  try {
    return await ask(address, { method, headers, ...(body === undefined ? {} : { body }) })
  } catch (cause) {
    // Not the cause itself: it may name the address, which may hold a token.
    throw new AppError('unavailable', 'rancher-unreachable', `${what}: ${reasonOf(cause)}`)
  }
}

async function ask(address: string, request: RequestInit, signal?: AbortSignal): Promise<Response> {
  const limit = AbortSignal.timeout(timeoutMs)
  const both = signal === undefined ? limit : AbortSignal.any([limit, signal])
  return await fetch(address, { ...request, signal: both, redirect: 'error' })
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
