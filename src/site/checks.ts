export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to do about it. */
  readonly mend?: string
  /** Whether `up` refuses to start because of it. */
  readonly needed: boolean
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
}

/** GB that are needed at the first `up` (Go's caches, programs, images, volumes), and later ones. */
export const diskGb = { cold: 20, warm: 4 } as const
export const memoryGb = { total: 6, available: 3 } as const

/** Decides what of the host is enough. */
export function hostChecks(facts: HostFacts): Check[] {
  const disk = facts.warm ? diskGb.warm : diskGb.cold
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
        facts.uid === 0,
        'running as root',
        `running as user ${facts.uid}; real machines need root (namespaces, cgroups, mounts)`,
        'run it with sudo -E',
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
        facts.memoryGb >= memoryGb.total && facts.availableGb >= memoryGb.available,
        `${facts.memoryGb.toFixed(0)} GB, ${facts.availableGb.toFixed(0)} GB of it available`,
        `${facts.memoryGb.toFixed(1)} GB, ${facts.availableGb.toFixed(1)} GB of it available; a site needs ${memoryGb.total} GB with ${memoryGb.available} GB available`,
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
  ]
}

function check(ok: boolean, good: string, bad: string, mend: string): Pick<Check, 'ok' | 'detail' | 'mend'> {
  return ok ? { ok, detail: good } : { ok, detail: bad, mend }
}
