/** What `ensureTools` tells while it works. */
export type ToolEvent =
  | { readonly kind: 'found'; readonly tool: string; readonly path: string; readonly version: string }
  | { readonly kind: 'cached'; readonly tools: number }
  | { readonly kind: 'broken'; readonly tool: string; readonly reason: string }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'fetching'; readonly what: string }
  | {
      readonly kind: 'fetched'
      readonly tools: readonly string[]
      readonly url: string
      readonly sha256: string
      readonly seconds: number
    }
  | { readonly kind: 'no-releases'; readonly reasons: readonly string[] }
  | { readonly kind: 'refused'; readonly tools: readonly string[]; readonly reason: string }
  | {
      readonly kind: 'start'
      readonly tools: number
      readonly restSeconds: number
      readonly needGb: number
      readonly go: string
    }
  | {
      readonly kind: 'building'
      readonly group: string
      readonly tools: readonly string[]
      readonly restSeconds: number
    }
  | {
      readonly kind: 'compiling'
      readonly group: string
      readonly seconds: number
      readonly packages: number
      readonly downloads: number
      readonly restSeconds: number
    }
  | {
      readonly kind: 'built'
      readonly tool: string
      readonly index: number
      readonly total: number
      readonly seconds: number
      readonly restSeconds: number
    }
  | { readonly kind: 'ready'; readonly bin: string; readonly seconds: number }

/** One line for people. */
export function describe(event: ToolEvent): string {
  switch (event.kind) {
    case 'found':
      return `${event.tool} ${event.version}: found at ${event.path}`
    case 'cached':
      return `${event.tools} ${event.tools === 1 ? 'program' : 'programs'} from the cache`
    case 'broken':
      return `${event.tool}: ${event.reason}; it is built again`
    case 'waiting':
      return event.reason
    case 'fetching':
      return `fetching ${event.what}`
    case 'fetched':
      return `${event.tools.join(', ')}: official release after ${duration(event.seconds)}, sha256 ${event.sha256}, as its publisher says`
    case 'no-releases':
      return `official releases can't be reached: what they offer is built instead (${event.reasons.join('; ')})`
    case 'refused':
      return `release of ${event.tools.join(', ')} refused, built instead: ${event.reason}`
    case 'start':
      return (
        `building ${event.tools} ${event.tools === 1 ? 'program' : 'programs'} with ${event.go}: once, up to ` +
        `${duration(event.restSeconds)} and ${event.needGb.toFixed(1)} GB, less where some was built before`
      )
    case 'building':
      return `${event.group}: ${event.tools.join(', ')}`
    case 'compiling':
      return `${event.group}: ${work(event)} in ${duration(event.seconds)}; ${rest(event.restSeconds)}`
    case 'built':
      return `[${event.index}/${event.total}] ${event.tool} built after ${duration(event.seconds)}; ${rest(event.restSeconds)}`
    case 'ready':
      return `programs ready after ${duration(event.seconds)} in ${event.bin}`
  }
}

function work({ packages, downloads }: { packages: number; downloads: number }): string {
  const parts = [
    downloads > 0 ? `${downloads} modules fetched` : '',
    packages > 0 ? `${packages} packages compiled` : '',
  ]
  return parts.filter((part) => part !== '').join(', ') || 'linking'
}

function rest(seconds: number): string {
  return seconds < 1 ? 'almost done' : `about ${duration(seconds)} to go`
}

export function duration(seconds: number): string {
  if (seconds < 100) return `${Math.max(1, Math.round(seconds))} s`
  return `${Math.round(seconds / 60)} min`
}
