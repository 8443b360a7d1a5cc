import type { Helm } from '../../adapters/helm/port.ts'
import { type ChartName, type ChartValues } from '../file/chart-values.ts'
import type { ImageTags } from '../operator.ts'
import type { Applied } from './applied.ts'
import { valueChanges, type WantedRelease } from './releases.ts'
import type { SecretPrints } from './secret-prints.ts'
import type { Change } from './site-preview.ts'

/** Components that keep data, by the first word of their values; the volume has the same name. */
const keepers = ['mongodb', 'mysql', 'rabbitmq'] as const

export interface SeenReleases {
  readonly applied: Applied | undefined
  /** The first `up` of this file never ended. */
  readonly isBegun: boolean
  /** `undefined`: the cluster does not run. */
  readonly helm: Helm | undefined
  readonly defaults: ChartValues
  /** Names of images by the steps that make them. */
  readonly imageSteps: Readonly<Record<string, string>>
  /** As they would be now; `undefined`: not known. */
  readonly tags: ImageTags | undefined
}

/** What happens to each release: compared with what the last `up` gave it. */
export async function componentChanges(wanted: readonly WantedRelease[], seen: SeenReleases): Promise<Change[]> {
  const { helm } = seen
  const found = await Promise.all(
    wanted.map(async (release) => {
      const record = helm === undefined ? undefined : await helm.find(release.release, release.namespace)
      return changeOf(release, record !== undefined, seen)
    }),
  )
  const names = wanted.map(({ release }) => release)
  const removed = Object.keys(seen.applied?.values ?? {}).filter((name) => !names.includes(name))
  return [
    ...found.flatMap((change) => (change === undefined ? [] : [change])),
    ...removed.map((name): Change => ({ level: 'components', kind: 'remove', what: `release ${name}`, details: [] })),
  ]
}

function changeOf(
  { release, chart, values }: WantedRelease,
  isThere: boolean,
  { applied, isBegun, defaults: chartDefaults, imageSteps, tags }: SeenReleases,
): Change | undefined {
  const what = `release ${release}`
  if (!isThere) return { level: 'components', kind: 'create', what, details: [] }
  if (isBegun) return { level: 'components', kind: 'create', what, details: ['begun: up goes on'] }
  const before = applied?.values[release]
  if (before === undefined)
    return { level: 'components', kind: 'change', what, details: ['what it was given last is not known'] }
  // Of a chart elsewhere they are not known.
  const defaults = chartDefaults[chart as ChartName] ?? {}
  const images = imagesIn(values, imageSteps)
  const details = [...valueChanges(before, values, defaults), ...imageChanges(images, applied?.images, tags)]
  if (details.length === 0) return undefined
  const touched = keepers.filter((name) => details.some((line) => line.startsWith(`${name}.`)))
  const data = touched.length === 0 ? {} : { data: `${touched.join(', ')} may start anew; volumes stay` }
  return { level: 'components', kind: 'change', what, details, ...data }
}

/** Names of the images that the values take from steps. */
function imagesIn(values: unknown, imageSteps: Readonly<Record<string, string>>): string[] {
  const text = JSON.stringify(values)
  return Object.entries(imageSteps).flatMap(([step, name]) => (text.includes(`<steps.${step}.`) ? [name] : []))
}

function imageChanges(images: readonly string[], before: ImageTags | undefined, now: ImageTags | undefined): string[] {
  return images.flatMap((name) => {
    const [was, is] = [before?.[name], now?.[name]]
    return was === undefined || is === undefined || was === is ? [] : [`image ${name}: ${was} → ${is}`]
  })
}

/** Secrets that the site file's references become. `prints`: of those whose values are known now. */
export function secretChanges(
  wanted: readonly string[],
  applied: Applied | undefined,
  prints: SecretPrints | undefined,
): Change[] {
  const before = applied?.secrets ?? []
  return wanted.flatMap((name): Change[] => {
    const what = `Secret ${name}`
    if (!before.includes(name)) return [{ level: 'cluster', kind: 'create', what, details: [] }]
    const [was, is] = [applied?.prints?.[name], prints?.[name]]
    if (was === undefined || is === undefined || was === is) return []
    return [{ level: 'cluster', kind: 'change', what, details: [`other values: fingerprint ${was} → ${is}`] }]
  })
}
