import { createHash } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { type Nodepool, poolMachines, poolName } from './nodepool.ts'
import type { TerraformRoot } from './root.ts'

/**
 * Pools that accounts ordered of a Rancher are part of its cluster, beside those of the site file: one root that the operator
 * and the service change in turn. Its state, which both reach, says what each of them wanted last: output `ordered_pools` is
 * the service's, `site_version` the operator's. Neither applies a preview that would change the other's.
 */
export const orderedOutput = 'ordered_pools'
export const versionOutput = 'site_version'

/** By name, as variable `pools` of module rancher-cluster has them. */
export type OrderedPools = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const pools = z.record(z.string(), z.record(z.string(), z.unknown()))

/** Values that are nobody's wish: looked up before each run. */
const looked = ['ordered', 'observed']

/** The root of a Rancher's cluster with these pools beside its own. */
export function withOrderedPools(root: TerraformRoot, ordered: OrderedPools): TerraformRoot {
  const all = '${merge(var.pools, var.ordered)}'
  const { variable, module, output } = root.main as Record<'variable' | 'module' | 'output', Record<string, object>>
  return {
    ...root,
    main: {
      ...root.main,
      variable: { ...variable, ordered: {}, observed: {} },
      module: { ...module, cluster: { ...module['cluster'], pools: all, observed: '${var.observed}' } },
      output: {
        ...output,
        [orderedOutput]: { value: '${var.ordered}' },
        [versionOutput]: { value: versionOf(root) },
      },
    },
    variables: { observed: {}, ...root.variables, ordered },
  }
}

/** Whether an autoscaler sets the size of any of them. */
export function hasScaled(all: OrderedPools): boolean {
  return Object.values(all).some(({ min }) => min !== undefined && min !== null)
}

/** Those of the state, by the root's outputs; `undefined`: the root has never had any. */
export function orderedIn(outputs: Readonly<Record<string, unknown>>): OrderedPools | undefined {
  return outputs[orderedOutput] === undefined ? undefined : pools.parse(outputs[orderedOutput])
}

/** Changes with whatever the operator wants of the cluster. */
function versionOf({ variables }: TerraformRoot): string {
  const wanted = Object.entries(variables).filter(([name]) => !looked.includes(name))
  const text = JSON.stringify(wanted.toSorted(([one], [other]) => (one < other ? -1 : 1)))
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

const values = z.record(z.string(), z.unknown())

/** What `up` hands to the service: the root as it applied it, and what a run of it needs. Holds secrets. */
export const rancherHandover = z.strictObject({
  main: values,
  variables: values,
  /** Where the state lies that both reach; left out: with the operator alone. */
  backend: z.strictObject({ name: z.string().min(1), settings: values }).optional(),
  env: z.record(z.string(), z.string()),
  url: z.string(),
  token: z.string(),
})
export type RancherHandover = Readonly<z.infer<typeof rancherHandover>>

/** Those of the site file. */
export function ownPools({ variables }: Pick<RancherHandover, 'variables'>): OrderedPools {
  return pools.parse(variables['pools'])
}

/** A pool as orders ask for it. */
export interface RancherPool extends Nodepool {
  readonly type: string
  /** Given, an autoscaler sets the size between them. */
  readonly min?: number | undefined
  readonly max?: number | undefined
}

/** Refuses what this cluster can't have; the module refuses the rest. */
export function rancherPoolValues(pool: RancherPool, handed: RancherHandover): OrderedPools[string] {
  const own = ownPools(handed)
  const name = poolName(pool)
  if (Object.hasOwn(own, name)) throw refusal('name', pool.name, `the site file has a pool ${name}`, 'another name')
  const [machine] = Object.values(poolMachines({ ...pool, size: 1 }, { cores: 0, memoryGb: 0 }))
  const { machine_type, cores, memory_gb, disk_gb } = machinesOfType(pool.type, own)
  const scaled = pool.min === undefined && pool.max === undefined ? {} : rangeOf(pool)
  return withoutUndefined({
    role: pool.role,
    machine_type,
    cores,
    memory_gb,
    disk_gb,
    size: pool.size,
    ...scaled,
    labels: machine?.labels ?? {},
    taints: (machine?.taints ?? []).map(({ key, value = '', effect }) => ({ key, value, effect })),
  })
}

/** Machines as one of the site's own pools has them, by the cloud's word for their type; `small` is that of its workers. */
export function machinesOfType(type: string, own: OrderedPools): OrderedPools[string] {
  const others = Object.entries(own).filter(([, { role }]) => role !== 'control')
  const word = (name: string, { machine_type: type }: OrderedPools[string]) => (typeof type === 'string' ? type : name)
  const types = new Map(others.map(([name, pool]) => [word(name, pool), pool]))
  const usual = others.find(([, { role }]) => role === 'worker') ?? others[0]
  const found = types.get(type) ?? (type === 'small' ? usual?.[1] : undefined)
  if (found !== undefined) return found
  const right = ['small', ...types.keys()].join(', ')
  throw new AppError(
    'invalid',
    'node-type-unknown',
    `node-type ${JSON.stringify(type)} is none of this site's; there are ${right}`,
    { details: { field: 'node-type', value: type, right } },
  )
}

function rangeOf({ min, max, size }: RancherPool): { min: number; max: number } {
  if (min !== undefined && max !== undefined && min <= size && size <= max) return { min, max }
  throw refusal('min', min, `min ${min}, max ${max}, size ${size}`, 'both, and a size from min to max')
}

function refusal(field: string, value: unknown, problem: string, right: string): AppError {
  return new AppError('invalid', 'pool-invalid', `${field}: ${problem}; right is ${right}`, {
    details: { field, value, right },
  })
}

function withoutUndefined(all: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
