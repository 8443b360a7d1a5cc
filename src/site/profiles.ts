import type { Machines } from '../clusters/profiles.ts'

/** What of the machines this host does not really have, said by `up` instead of hidden. */
export function promises(wanted: Machines, host: { cores: number; memoryGb: number }): string[] {
  const machines = Object.values(wanted).filter(({ simulated }) => simulated !== true)
  const lines: string[] = []
  const largest = Math.max(0, ...machines.map((machine) => machine.cores))
  if (largest > host.cores) lines.push(`machines of ${largest} cores get the ${host.cores} that this host has`)
  const memory = machines.reduce((sum, machine) => sum + machine.memoryGb, 0)
  if (memory > host.memoryGb) {
    lines.push(
      `the machines' ${memory} GB are promised on a host of ${Math.floor(host.memoryGb)} GB: don't use all at once`,
    )
  }
  return lines
}
