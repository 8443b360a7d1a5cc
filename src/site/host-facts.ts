import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, networkInterfaces, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { HostFacts } from './checks.ts'

const gb = 1024 ** 3

export function readHostFacts(cache: string, state: string, warm: boolean): HostFacts {
  const limit = process.constrainedMemory()
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    cores: availableParallelism(),
    memoryGb: total / gb,
    availableGb: Math.min(availableMemory(), total) / gb,
    cacheFreeGb: freeGb(cache),
    stateFreeGb: freeGb(state),
    warm,
    addresses: ownAddresses(),
  }
}

/** Without those that are only good together with a link, and those of our own sites' links. */
function ownAddresses(): string[] {
  const all = Object.entries(networkInterfaces()).flatMap(([link, found = []]) =>
    found.map((one) => ({ ...one, link })),
  )
  return all
    .filter(({ address, internal, link }) => !internal && !address.startsWith('fe80:') && !/^cm\d+$/.test(link))
    .map(({ address }) => address)
}

/** Memory that programs can still get, caches counted as free. */
function availableMemory(): number {
  const line = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))
  return line === null ? process.availableMemory() : Number(line[1]) * 1024
}

/** Free space at the nearest folder that exists. */
function freeGb(path: string): number {
  let folder = path
  while (!existsSync(folder)) folder = dirname(folder)
  const { bavail, bsize } = statfsSync(folder)
  return (bavail * bsize) / gb
}
