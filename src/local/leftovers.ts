import { existsSync, readdirSync } from 'node:fs'
import { addressesOf } from './addresses.ts'
import { cgroupProcesses, cgroupsOf } from './cgroups.ts'
import { forwardingLeft } from './forwarding.ts'
import { markedProcesses } from './launch.ts'
import { mountsBelow } from './mounts.ts'
import { attempt, run } from './run.ts'
import { cloudPaths } from './paths.ts'
import { findSlot, slotsBelow } from './slots.ts'

/** What of a site is on this host. All empty: nothing is left. */
export interface Leftovers {
  readonly slot: number | null
  readonly processes: readonly number[]
  readonly mounts: readonly string[]
  readonly namespaces: readonly string[]
  readonly links: readonly string[]
  readonly tables: readonly string[]
  readonly routes: readonly string[]
  readonly cgroups: readonly string[]
  readonly rules: readonly string[]
}

/** Looks at the host itself, not at the local cloud's own notes. Of all clusters of the folder. */
export async function leftovers(folder: string): Promise<Leftovers> {
  const found = await leftoversOf(folder)
  for (const state of slotsBelow(folder)) {
    const more = await leftoversOf(state)
    for (const kind of Object.keys(words) as (keyof typeof words)[])
      Object.assign(found, { [kind]: [...new Set<unknown>([...found[kind], ...more[kind]])] })
  }
  return found
}

async function leftoversOf(folder: string): Promise<Leftovers> {
  // A simulated one has nothing of the host but processes.
  const slot = existsSync(cloudPaths(folder).simulated) ? undefined : findSlot(folder)
  const processes = markedProcesses(folder)
  const mounts = mountsBelow(folder)
  if (slot === undefined) {
    return { slot: null, processes, mounts, namespaces: [], links: [], tables: [], routes: [], cgroups: [], rules: [] }
  }
  const { name, runFolder, uplink, bridge, nftTable } = addressesOf(slot)
  const cgroups = cgroupsOf(slot)
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : []
  const routes = await run('ip', ['-4', '-o', 'route', 'show', 'table', 'all'])
  const tables = (await attempt('nft', ['list', 'tables'])) ?? ''
  return {
    slot,
    processes: [...new Set([...processes, ...cgroups.flatMap(cgroupProcesses)])],
    mounts: [...mounts, ...mountsBelow(runFolder)],
    namespaces: namespaces.filter((each) => each === name || each.startsWith(`${name}-`)),
    links: readdirSync('/sys/class/net').filter((link) => link === uplink.link),
    tables: tables.split('\n').filter((line) => line.endsWith(` ${nftTable}`)),
    routes: routes.split('\n').filter((line) => line.includes(bridge.subnet) || line.includes(uplink.subnet)),
    cgroups,
    rules: await forwardingLeft(uplink.link),
  }
}

const words = {
  processes: 'process',
  mounts: 'mount',
  namespaces: 'network namespace',
  links: 'network link',
  tables: 'firewall',
  routes: 'route',
  cgroups: 'cgroup',
  rules: 'firewall rule',
} as const

/** One line for each thing, for people. */
export function lines(found: Leftovers): string[] {
  const kinds = Object.keys(words) as (keyof typeof words)[]
  return kinds.flatMap((kind) => found[kind].map((thing) => `${words[kind]} ${String(thing).trim()}`))
}
