import { machinesOf } from '../clusters/profiles.ts'
import type { ProfileName } from './site.ts'

/** Whether components select the machine of their role; on one node they have no selector. */
export function selectsRoles(profile: ProfileName): boolean {
  return profile !== 'single-node'
}

/** What of a profile this host does not really have, said by `up` instead of hidden. */
export function promises(profile: ProfileName, host: { cores: number; memoryGb: number }): string[] {
  const machines = Object.values(machinesOf(profile))
  const lines: string[] = []
  const largest = Math.max(...machines.map((machine) => machine.cores))
  if (largest > host.cores) lines.push(`machines of ${largest} cores get the ${host.cores} that this host has`)
  const memory = machines.reduce((sum, machine) => sum + machine.memoryGb, 0)
  if (memory > host.memoryGb) {
    lines.push(
      `the machines' ${memory} GB are promised on a host of ${Math.floor(host.memoryGb)} GB: don't use all at once`,
    )
  }
  return lines
}
