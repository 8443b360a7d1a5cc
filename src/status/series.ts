/** What ran at one moment, by name of a node or pod; of nodes that tell it, how full their disk is (of 1). */
export type Usage = Readonly<Record<string, readonly [cores: number, bytes: number, disk?: number]>>

export interface Sample {
  readonly at: number
  readonly usage: Usage
}

export interface Range {
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
}

export interface Point {
  readonly at: number
  readonly cores: number
  readonly bytes: number
  readonly disk?: number | undefined
}

/** A sample speaks for this long: older ones are five minutes apart. */
export const LOOKBACK_MS = 330_000

/**
 * Points of each name at every step, from the newest sample before it. `times` are all moments that were looked at: who
 * is not in that moment's sample did not run then.
 */
export function seriesOf(
  times: readonly number[],
  samples: readonly Sample[],
  range: Range,
): ReadonlyMap<string, readonly Point[]> {
  const at = new Map(samples.map((sample) => [sample.at, sample.usage]))
  const series = new Map<string, Point[]>()
  let next = 0
  for (let step = range.startMs; step <= range.endMs; step += range.stepMs) {
    while (next < times.length && (times[next] ?? 0) <= step) next += 1
    const seen = times[next - 1]
    if (seen === undefined || seen <= step - LOOKBACK_MS) continue
    for (const [name, [cores, bytes, disk]] of Object.entries(at.get(seen) ?? {})) {
      const points = series.get(name)
      if (points === undefined) series.set(name, [{ at: step, cores, bytes, disk }])
      else points.push({ at: step, cores, bytes, disk })
    }
  }
  return series
}
