import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type ClusterRecord, versionFor } from './cluster.ts'
import { findJson } from './files.ts'
import type { MachineRecord } from './machine.ts'
import { type CloudPaths, cloudPaths } from './paths.ts'

/** What clusters and machines of a local cloud are to run when it is started, each version once; also while it does not run. */
export function versionsInUse(folder: string): readonly string[] {
  const first = cloudPaths(folder)
  const others = namesIn(first.others).map((name) => cloudPaths(join(first.others, name)))
  return [...new Set([first, ...others].flatMap(versionsOf))]
}

function versionsOf({ cluster, machines }: CloudPaths): string[] {
  const record = findJson<ClusterRecord>(cluster)
  if (record === undefined) return []
  const made = namesIn(machines).flatMap((name) => {
    const machine = findJson<Partial<MachineRecord>>(join(machines, name, 'machine.json'))
    return machine?.kubernetesVersion ?? []
  })
  return [record.kubernetesVersion, ...made].map((version) => versionFor(version, record.name))
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
