/** By what the engine scales a runtime; the chart writes them on its Deployment, as JSON. */
export interface ScalingRules {
  /** Workers while they are awake. */
  readonly least: number
  /** Left out: who scales them meanwhile decides between one and many. */
  readonly most?: number | undefined
  /** Without a task for so long, all go. 0: never, unless `least` is 0. */
  readonly sleepMinutes: number
  /** Tasks that a worker runs at the same time. */
  readonly concurrency: number
  readonly queues: readonly string[]
}

/** Since when fewer workers would have done, and the most that were needed since. */
export interface Quiet {
  readonly sinceMs: number
  readonly needed: number
}

export interface RuntimeSeen {
  /** Workers that are wanted at present. */
  readonly replicas: number
  readonly quiet: Quiet | undefined
  /** Tasks that wait and tasks that run. */
  readonly tasks: number
}

export interface Scaling {
  readonly replicas: number
  readonly quiet: Quiet | undefined
}

const MINUTE_MS = 60_000
/** How long it must have been quiet where nobody said so. */
export const QUIET_MINUTES = 10

/** More workers at once, fewer only after it has been quiet for the time. A task that runs keeps one awake. Decides only. */
export function decideScaling(rules: ScalingRules, seen: RuntimeSeen, nowMs: number): Scaling {
  const wanted = wantedWorkers(rules, seen)
  const tooMany = rules.most !== undefined && seen.replicas > rules.most
  if (wanted >= seen.replicas || tooMany)
    return { replicas: tooMany ? (rules.most ?? wanted) : wanted, quiet: undefined }
  const quiet = { sinceMs: seen.quiet?.sinceMs ?? nowMs, needed: Math.max(seen.quiet?.needed ?? 0, wanted) }
  const patienceMs = (rules.sleepMinutes || QUIET_MINUTES) * MINUTE_MS
  if (nowMs - quiet.sinceMs < patienceMs) return { replicas: seen.replicas, quiet }
  return { replicas: quiet.needed, quiet: undefined }
}

function wantedWorkers({ least, most, sleepMinutes, concurrency }: ScalingRules, seen: RuntimeSeen): number {
  const maySleep = sleepMinutes > 0 || least === 0
  if (seen.tasks === 0) return maySleep ? 0 : least
  if (most === undefined) return Math.max(seen.replicas, least)
  return Math.min(most, Math.max(1, least, Math.ceil(seen.tasks / concurrency)))
}
