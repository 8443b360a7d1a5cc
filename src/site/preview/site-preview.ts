import { createHash } from 'node:crypto'

export const levels = ['cloud', 'cluster', 'components'] as const
export type Level = (typeof levels)[number]

export type ChangeKind = 'create' | 'change' | 'replace' | 'remove'

/** One thing that `up` would touch. */
export interface Change {
  readonly level: Level
  readonly kind: ChangeKind
  /** Such as `machine worker-1`, `release omegaml-system`. */
  readonly what: string
  /** What differs, a line each. Never a secret. */
  readonly details: readonly string[]
  /** What happens to data, where it is touched. */
  readonly data?: string
}

export interface MachineRow {
  readonly pool: string
  readonly role: string
  readonly machines: number
  readonly type: string
  readonly cores: number | null
  readonly memoryGb: number | null
  readonly diskGb: number | null
  /** Of all of them; `null` where no price is known. */
  readonly perHour: number | null
  readonly perMonth: number | null
}

export interface VolumeRow {
  readonly volume: string
  readonly sizeGb: number
  readonly perHour: number | null
  readonly perMonth: number | null
}

/** What `up` would do with a site. */
export interface SitePreview {
  readonly site: string
  readonly provider: string
  readonly file: string | null
  readonly changes: readonly Change[]
  readonly machines: readonly MachineRow[]
  readonly volumes: readonly VolumeRow[]
  readonly currency: string | null
  readonly warnings: readonly string[]
  /** What could not be looked at, and why. */
  readonly notes: readonly string[]
  /** Addresses of Terraform that would go. */
  readonly deletes: readonly string[]
  /** Equal means that the same would be done. */
  readonly fingerprint: string
}

/** Of what would be done; warnings and prices are no part of it. */
export function fingerprintOf({ site, changes, deletes }: Pick<SitePreview, 'site' | 'changes' | 'deletes'>): string {
  return createHash('sha256')
    .update(JSON.stringify([site, changes, deletes]))
    .digest('hex')
    .slice(0, 16)
}

/** Whether something that exists is touched: then a person is asked. */
export function touchesExisting({ changes }: Pick<SitePreview, 'changes'>): boolean {
  return changes.some(({ kind }) => kind !== 'create')
}
