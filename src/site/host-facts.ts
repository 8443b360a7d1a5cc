import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, networkInterfaces, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { namedAuthorities, proxyOf } from '../tools/company.ts'
import type { CgroupFacts, HostFacts } from './checks.ts'
import type { CompanyFacts } from './company-checks.ts'

const gb = 1024 ** 3

type Env = Readonly<Record<string, string | undefined>>

export function readHostFacts(cache: string, state: string, warm: boolean, env: Env = process.env): HostFacts {
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
    company: companyFacts(env),
    cgroups: cgroupFacts(),
  }
}

function companyFacts(env: Env): CompanyFacts {
  const names = ['http_proxy', 'https_proxy', 'all_proxy'] as const
  const proxies = names.flatMap((name) => {
    const value = proxyOf(env, name)
    return value === undefined ? [] : [[env[name] ? name : name.toUpperCase(), value] as const]
  })
  const authorities = namedAuthorities(env).map((named) => ({ ...named, there: existsSync(named.path) }))
  return { proxies: Object.fromEntries(proxies), authorities }
}

const cgroupFolder = '/sys/fs/cgroup'

function cgroupFacts(): CgroupFacts | undefined {
  const file = join(cgroupFolder, 'cgroup.controllers')
  if (existsSync(file)) return { version: 2, controllers: readFileSync(file, 'utf8').trim().split(/\s+/) }
  if (!existsSync(join(cgroupFolder, 'memory')) && !existsSync(join(cgroupFolder, 'cpu'))) return undefined
  return { version: 1, controllers: readdirSync(cgroupFolder).flatMap((name) => name.split(',')) }
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
