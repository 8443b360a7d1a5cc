import type { MachineSpec, Machines, Taint } from './profiles.ts'
import type { NodeType } from './provider.ts'

/** Nodes of one type and role that an account ordered. */
export interface Nodepool {
  readonly account: string
  readonly name: string
  readonly role: string
  readonly size: number
  /** Left out, the pool is its account's alone: a taint keeps everybody else's pods away. */
  readonly shared?: boolean | undefined
  readonly simulated?: boolean | undefined
}

/** What nodes of a pool carry; workers of the account select and tolerate it. */
export const POOL_LABEL = 'omegaml.io/pool'
const accountTaint = 'omegaml.io/account'

/** The pool's machines by name; one more or less leaves the others alone. */
export function poolMachines(pool: Nodepool, type: NodeType): Machines {
  const numbers = Array.from({ length: pool.size }, (_, index) => index + 1)
  return Object.fromEntries(numbers.map((number) => [`${poolName(pool)}-${number}`, machine(pool, type)]))
}

/** Unique in the cluster; account names have no hyphen. */
export function poolName({ account, name }: Pick<Nodepool, 'account' | 'name'>): string {
  return `${account}-${name}`
}

/** Whose pool the label of a node names. */
export function ownerOfPool(label: string | undefined): Pick<Nodepool, 'account' | 'name'> | undefined {
  const [, account, name] = /^([a-z0-9]+)-(.+)$/.exec(label ?? '') ?? []
  return account === undefined || name === undefined ? undefined : { account, name }
}

function machine(pool: Nodepool, { cores, memoryGb }: NodeType): MachineSpec {
  return {
    role: pool.role,
    cores,
    memoryGb,
    labels: { [POOL_LABEL]: poolName(pool) },
    taints: pool.shared === true ? [] : [ownTaint(pool.account)],
    simulated: pool.simulated ?? false,
  }
}

function ownTaint(account: string): Taint {
  return { key: accountTaint, value: account, effect: 'NoSchedule' }
}
