import { type CompanyFacts, companyChecks } from './company-checks.ts'

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to do about it. */
  readonly mend?: string
  /** Whether `up` refuses to start because of it. */
  readonly needed: boolean
}

export interface CgroupFacts {
  readonly version: 1 | 2
  readonly controllers: readonly string[]
}

export function passedCheck(name: string, detail: string, needed = true): Check {
  return { name, ok: true, detail, needed }
}

export function failedCheck(name: string, detail: string, mend: string, needed = true): Check {
  return { name, ok: false, detail, mend, needed }
}

/** What was seen of this host before anything is changed. */
export interface HostFacts {
  readonly platform: string
  readonly uid: number
  readonly cores: number
  readonly memoryGb: number
  readonly availableGb: number
  /** Free space where the cache and the state will lie. */
  readonly cacheFreeGb: number
  readonly stateFreeGb: number
  /** Whether the tools were built already. */
  readonly warm: boolean
  /** Addresses of its own, without the loopback's. */
  readonly addresses: readonly string[]
  readonly company: CompanyFacts
  /** Of cgroup v2, its controllers; of v1, those mounted; `undefined`: there are none. */
  readonly cgroups: CgroupFacts | undefined
}

/** GB that are needed at the first `up` (Go's caches, programs, images, volumes), and later ones. */
export const diskGb = { cold: 20, warm: 4 } as const
export const memoryGb = { total: 6, available: 3 } as const

const simulatedGb = { disk: { cold: 12, warm: 1 }, memory: { total: 2, available: 1.5 } } as const

/** Decides what of the host is enough; a simulated site needs no root and little else. */
export function hostChecks(facts: HostFacts, { simulated = false } = {}): Check[] {
  const sizes = simulated ? simulatedGb.disk : diskGb
  const memory = simulated ? simulatedGb.memory : memoryGb
  const disk = facts.warm ? sizes.warm : sizes.cold
  const free = Math.min(facts.cacheFreeGb, facts.stateFreeGb)
  const where = facts.stateFreeGb <= facts.cacheFreeGb ? 'the state' : 'the cache'
  return [
    {
      name: 'system',
      needed: true,
      ...check(
        facts.platform === 'linux',
        `Linux`,
        facts.platform,
        'use Debian 12 or Ubuntu, in a virtual machine if need be',
      ),
    },
    {
      name: 'root',
      needed: true,
      ...check(
        facts.uid === 0 || simulated,
        simulated ? 'not needed: all machines are simulated' : 'running as root',
        `running as user ${facts.uid}; real machines need root (namespaces, cgroups, mounts)`,
        'run it with sudo -E, or try a simulated site: ./cloudmgr up --simulated',
      ),
    },
    {
      name: 'disk',
      needed: true,
      ...check(
        free >= disk,
        `${free.toFixed(0)} GB free`,
        `${free.toFixed(1)} GB free where ${where} lies, about ${disk} GB are needed ${facts.warm ? 'here' : 'for the first start'}`,
        'free some space, or put cache and state elsewhere with CLOUDMGR_CACHE and --state',
      ),
    },
    {
      name: 'memory',
      needed: true,
      ...check(
        facts.memoryGb >= memory.total && facts.availableGb >= memory.available,
        `${facts.memoryGb.toFixed(0)} GB, ${facts.availableGb.toFixed(0)} GB of it available`,
        `${facts.memoryGb.toFixed(1)} GB, ${facts.availableGb.toFixed(1)} GB of it available; a site needs ${memory.total} GB with ${memory.available} GB available`,
        'stop other programs or take a larger machine',
      ),
    },
    {
      name: 'cores',
      needed: true,
      ...check(
        facts.cores >= 2,
        `${facts.cores} cores`,
        `${facts.cores} core; two are needed`,
        'take a larger machine',
      ),
    },
    cgroupCheck(facts.cgroups),
    ...companyChecks(facts.company),
  ]
}

const controllers = ['cpu', 'memory', 'pids'] as const

function cgroupCheck(found: CgroupFacts | undefined): Check {
  if (found === undefined) {
    const mend = 'mount it; in a container: run it privileged'
    return failedCheck('cgroups', 'no cgroup hierarchy at /sys/fs/cgroup', mend)
  }
  const missing = controllers.filter((name) => !found.controllers.includes(name))
  if (missing.length === 0) return passedCheck('cgroups', `v${found.version}`)
  return failedCheck(
    'cgroups',
    `v${found.version} without ${missing.join(', ')}, which hold machines to their size`,
    'switch them on: kernel option cgroup_enable=memory, or, in a container, give it all controllers (--cgroupns=host)',
  )
}

function check(ok: boolean, good: string, bad: string, mend: string): Pick<Check, 'ok' | 'detail' | 'mend'> {
  return ok ? { ok, detail: good } : { ok, detail: bad, mend }
}
