import { componentRoles, type Pool } from './pools.ts'
import type { Problem } from './problems.ts'
import { isHetznerByRancher } from './rancher-machine.ts'
import type { SiteFile } from './schema.ts'

/** GPUs where there can be none, or where they would be of no use. */
export function gpuMistakes({ pools, provider }: SiteFile): Problem[] {
  const found = pools.flatMap((pool, index) => {
    const problem = pool.gpu === undefined ? undefined : wrongPool(pool, provider)
    return problem === undefined ? [] : [{ path: ['pools', index, 'gpu'], value: pool.gpu, problem }]
  })
  const roles = provider.kind === 'existing' ? (provider.roles ?? {}) : {}
  const taken = componentRoles.filter((role) => roles[role]?.gpu === true)
  return [...found, ...taken.map((role) => ({ path: ['provider', 'roles', role, 'gpu'], problem: notFor(role) }))]
}

function wrongPool({ role, min, simulated }: Pool, provider: SiteFile['provider']): string | undefined {
  const { kind } = provider
  if (kind === 'hcloud' || isHetznerByRancher(provider))
    return 'cloud machines of Hetzner have none: leave it out; those of other clouds of provider rancher may have'
  if (kind === 'existing') return 'is said of nodes that are there: right is provider.roles.<role>.gpu: true'
  if (kind === 'local' && simulated !== true)
    return 'machines of this computer have none: leave it out, or take simulated: true for nodes that only say so'
  if (role !== 'worker' && [...componentRoles, 'control'].includes(role)) return notFor(role)
  // Rancher's autoscaler is told of cores, memory and disk only of a machine that is not there yet.
  if (min === 0) return 'with none at times nothing would make the first one: right is min 1 at least'
  return undefined
}

function notFor(role: string): string {
  return `what runs on machines of role ${role} asks for no GPU and would not come there: right is a role of your own, such as gpu`
}
