import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import type { Hcloud, HcloudThing } from './port.ts'

const timeoutMs = 30_000
const paths = {
  server: 'servers',
  'placement group': 'placement_groups',
  'primary IP': 'primary_ips',
  firewall: 'firewalls',
  volume: 'volumes',
} as const
const kinds = Object.keys(paths) as HcloudThing['kind'][]
const listed = z.array(z.object({ id: z.int(), name: z.string() }))
const page = z.looseObject({
  meta: z.object({ pagination: z.object({ next_page: z.int().nullable() }) }).optional(),
})

/** Hetzner's HTTP API. */
export function createHcloud(endpoint = 'https://api.hetzner.cloud/v1'): Hcloud {
  const ask = async (method: 'GET' | 'DELETE', path: string, token: string, what: string): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}` }
    const signal = AbortSignal.timeout(timeoutMs)
    const answer = await fetch(`${endpoint}/${path}`, { method, headers, signal }).catch((cause: unknown) => {
      throw new AppError('unavailable', 'hcloud-unreachable', `${what}: Hetzner's API does not answer`, { cause })
    })
    if (answer.status === 401)
      throw new AppError('unauthenticated', 'hcloud-token', `${what}: Hetzner does not take the token`)
    if (answer.ok || answer.status === 404) return answer
    throw new AppError('unavailable', 'hcloud-refused', `${what}: Hetzner answers ${answer.status}`)
  }
  const list = async (kind: HcloudThing['kind'], token: string, labels: string): Promise<HcloudThing[]> => {
    const found: HcloudThing[] = []
    for (let next: number | null = 1; next !== null; ) {
      const query = new URLSearchParams({ label_selector: labels, page: String(next), per_page: '50' })
      const answer = await ask(
        'GET',
        `${paths[kind]}?${query.toString()}`,
        token,
        `listing each ${kind} with ${labels}`,
      )
      const body = page.parse(await answer.json())
      found.push(...listed.parse(body[paths[kind]]).map(({ id, name }) => ({ kind, id, name })))
      next = body.meta?.pagination.next_page ?? null
    }
    return found
  }
  return {
    find: async (token, labels) => {
      const found: HcloudThing[] = []
      for (const kind of kinds) found.push(...(await list(kind, token, labels)))
      return found
    },
    delete: async (token, { kind, id, name }) => {
      await ask('DELETE', `${paths[kind]}/${id}`, token, `deleting ${kind} ${name}`)
    },
  }
}
