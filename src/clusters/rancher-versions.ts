import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'

const minor = z.string().regex(/^[0-9]+\.[0-9]+$/, 'a minor version, such as "1.35"')

const line = z.strictObject({
  /** Rancher's minor version. */
  rancher: minor,
  /** The release of it that a new Rancher gets. */
  version: z.string().regex(/^[0-9]+\.[0-9]+\.[0-9]+$/),
  /** Constraint for the Terraform provider rancher2. */
  provider: z.string().regex(/^~> [0-9]+\.[0-9]+$/),
  kubernetes: z.strictObject({ from: minor, to: minor }),
  /** Major version of Rancher's charts. */
  charts: z.int().positive(),
  backup: z.string().optional(),
  monitoring: z.string().optional(),
})

const matrix = z.strictObject({ lines: z.array(line).min(1), default: minor, certManager: z.string() })

/** `catalog/rancher.yml`: which versions go together. */
export type RancherMatrix = Readonly<z.infer<typeof matrix>>
export type RancherLine = Readonly<z.infer<typeof line>>

export function loadRancherMatrix(file: string): RancherMatrix {
  if (!existsSync(file)) throw new AppError('invalid', 'rancher-matrix-invalid', `there is no file ${file}`)
  const result = matrix.safeParse(parse(readFileSync(file, 'utf8')))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new AppError('invalid', 'rancher-matrix-invalid', `${file}: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** What a site means to use; what it leaves out is not checked. */
export interface RancherVersions {
  /** Such as `2.15.1`. */
  readonly rancher: string
  /** Of rancher2, such as `15.0.0`. */
  readonly provider?: string
  /** Such as `v1.35.8+k3s1`. */
  readonly kubernetes?: string
  /** Of chart rancher-monitoring. */
  readonly monitoring?: string
  /** Of chart rancher-backup. */
  readonly backup?: string
}

export interface Mismatch {
  readonly field: keyof RancherVersions
  readonly value: string
  /** What would be right. */
  readonly right: string
}

/** What does not go together, each with what would be right. A Rancher that the matrix does not know is one mismatch. */
export function mismatches(known: RancherMatrix, wanted: RancherVersions): readonly Mismatch[] {
  const found = known.lines.find(({ rancher }) => rancher === minorOf(wanted.rancher))
  if (found === undefined) {
    const right = `one of ${known.lines.map(({ rancher }) => `${rancher}.x`).join(', ')}`
    return [{ field: 'rancher', value: wanted.rancher, right }]
  }
  const { from, to } = found.kubernetes
  const major = found.provider.replace(/^~> ([0-9]+).*/, '$1')
  const checks: readonly { field: keyof RancherVersions; right: string; isRight: (value: string) => boolean }[] = [
    { field: 'provider', right: found.provider, isRight: (value) => value.split('.')[0] === major },
    { field: 'kubernetes', right: `${from} to ${to}`, isRight: (value) => isBetween(minorOf(value), from, to) },
    { field: 'monitoring', right: chartOf(found, 'monitoring'), isRight: (value) => isOfLine(found, value) },
    { field: 'backup', right: chartOf(found, 'backup'), isRight: (value) => isOfLine(found, value) },
  ]
  return checks.flatMap(({ field, right, isRight }) => {
    const value = wanted[field]
    return value === undefined || isRight(value) ? [] : [{ field, value, right }]
  })
}

/** Refuses versions that do not go together, before anything is made. */
export function requireMatching(known: RancherMatrix, wanted: RancherVersions): void {
  const [first, ...others] = mismatches(known, wanted)
  if (first === undefined) return
  const said = [first, ...others].map(({ field, value, right }) => `${field} ${value}, right is ${right}`).join('; ')
  throw new AppError(
    'invalid',
    'rancher-versions',
    `these versions do not go with Rancher ${wanted.rancher}: ${said}`,
    {
      details: { ...first },
    },
  )
}

/** The line of Rancher's versions that this version, or minor version, is of. */
export function rancherLine(known: RancherMatrix, version: string = known.default): RancherLine {
  const found = known.lines.find(({ rancher }) => rancher === minorOf(version))
  if (found !== undefined) return found
  requireMatching(known, { rancher: version })
  throw new AppError('bug', 'missing-value', `the line of Rancher ${version} is missing`)
}

function chartOf(found: RancherLine, chart: 'monitoring' | 'backup'): string {
  return found[chart] ?? `a version of Rancher's charts ${found.charts}.x`
}

function isOfLine(found: RancherLine, version: string): boolean {
  return version.split('.')[0] === String(found.charts)
}

/** `v1.35.8+k3s1` → `1.35`. */
export function minorOf(version: string): string {
  return version.replace(/^v/, '').split('.').slice(0, 2).join('.')
}

export function isBetween(version: string, from: string, to: string): boolean {
  const [at, least, most] = [version, from, to].map(weight)
  return at !== undefined && least !== undefined && most !== undefined && at >= least && at <= most
}

function weight(version: string): number {
  const [major, small] = version.split('.').map(Number)
  return (major ?? Number.NaN) * 1000 + (small ?? Number.NaN)
}
