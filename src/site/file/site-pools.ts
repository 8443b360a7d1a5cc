import { withGpuMarks } from '../../clusters/gpu.ts'
import type { Machines } from '../../clusters/profiles.ts'
import type { Provider } from '../../clusters/provider.ts'
import type { Size } from './fit.ts'
import { componentRoles, type Pool } from './pools.ts'
import type { SiteFile } from './schema.ts'

/** Machines that components may run on: neither simulated, nor kept for what asks for GPUs. */
export function carriesParts({ simulated, gpu }: Pool): boolean {
  return simulated !== true && gpu === undefined
}

/** Whether components select the machines of their role: not where one pool carries everything. */
export function usesRoles(pools: readonly Pool[]): boolean {
  const roles = new Set(pools.filter(carriesParts).map(({ role }) => role))
  return componentRoles.some((role) => role !== 'worker' && roles.has(role))
}

/** The same of a whole site: with provider existing its nodes may have the roles. */
export function selectsRoles({ pools, provider }: Pick<SiteFile, 'pools' | 'provider'>): boolean {
  if (usesRoles(pools)) return true
  const roles = provider.kind === 'existing' ? Object.keys(provider.roles ?? {}) : []
  return componentRoles.some((role) => role !== 'worker' && roles.includes(role))
}

/** What one machine of the pool has; `undefined` where its type is not known here. */
export function sizeOf(pool: Pool, provider: Provider | undefined): Size | undefined {
  const { type, cores, memoryGb } = pool
  if (cores !== undefined && memoryGb !== undefined) return { cores, memoryGb }
  if (type === undefined || provider === undefined || !Object.hasOwn(provider.nodeTypes, type)) return undefined
  return provider.nodeTypes[type]
}

/** The machines of the pools by name. Pools whose size is not known are refused before. */
export function poolMachines(pools: readonly Pool[], provider: Provider | undefined): Machines {
  return Object.fromEntries(
    pools.flatMap((pool) => {
      const size = sizeOf(pool, provider)
      if (size === undefined) return []
      const { role, simulated, gpu } = pool
      const { labels, taints } = withGpuMarks(gpu, { labels: pool.labels, taints: pool.taints?.map(taintOf) })
      const machine = {
        role,
        cores: size.cores,
        memoryGb: size.memoryGb,
        ...(labels === undefined ? {} : { labels }),
        ...(taints === undefined ? {} : { taints }),
        ...(simulated === true ? { simulated } : {}),
        ...(gpu === undefined ? {} : { gpu }),
      }
      return Array.from({ length: pool.size }, (_, index) => [`${pool.name}-${index + 1}`, machine] as const)
    }),
  )
}

function taintOf({ key, value, effect }: NonNullable<Pool['taints']>[number]) {
  return { key, effect, ...(value === undefined ? {} : { value }) }
}
