import { AppError } from '../base/errors.ts'

export interface Taint {
  readonly key: string
  readonly value?: string
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

export interface MachineSpec {
  readonly role: string
  readonly cores: number
  readonly memoryGb: number
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly Taint[]
  /** A node that only says it runs pods (kwok). */
  readonly simulated?: boolean
  /** GPUs that a simulated one says it has. */
  readonly gpu?: number
}

/** Machines by name. */
export type Machines = Readonly<Record<string, MachineSpec>>

/** `single-node`: everything on one machine, without role selectors. `minimal`: one machine for each of the four roles. */
export const profiles = {
  // Accounts' default selectors ask for a worker; the other components select nothing on a single node.
  'single-node': { 'node-1': { role: 'worker', cores: 4, memoryGb: 8 } },
  minimal: {
    'dbmaster-1': { role: 'dbmaster', cores: 2, memoryGb: 8 },
    'ingress-1': { role: 'ingress', cores: 2, memoryGb: 4 },
    'system-1': { role: 'system', cores: 2, memoryGb: 4 },
    'worker-1': { role: 'worker', cores: 2, memoryGb: 8 },
  },
} as const satisfies Record<string, Machines>

export type Profile = keyof typeof profiles

export function isProfile(name: string): name is Profile {
  return Object.hasOwn(profiles, name)
}

export function machinesOf(profile: string): Machines {
  if (isProfile(profile)) return profiles[profile]
  const known = Object.keys(profiles).join(', ')
  throw new AppError('invalid', 'unknown-profile', `profile ${profile} does not exist; there are ${known}`, {
    details: { field: 'profile', value: profile, known },
  })
}
