import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../base/errors.ts'

/** What may be told of a state: no value of any resource. */
export interface StateSummary {
  /** Terraform's own count of changes. */
  readonly serial: number
  /** Terraform's name of the history that a state belongs to: another one is of other things. */
  readonly lineage: string
  readonly bytes: number
  /** Of what it manages, sorted; what was only looked up is not among them. */
  readonly addresses: readonly string[]
}

interface StateFile {
  readonly serial?: unknown
  readonly lineage?: unknown
  readonly resources?: readonly {
    readonly mode?: string
    readonly module?: string
    readonly type?: string
    readonly name?: string
    readonly instances?: readonly { readonly index_key?: string | number }[]
  }[]
}

/** What a state says of itself; `invalid` when it is none. */
export function summaryOf(state: string): StateSummary {
  const { serial, lineage, resources = [] } = parse(state)
  const managed = resources.filter(({ mode }) => mode === 'managed')
  const addresses = managed.flatMap(({ module, type, name, instances = [] }) => {
    const address = `${module === undefined ? '' : `${module}.`}${type}.${name}`
    return instances.map(({ index_key: key }) => (key === undefined ? address : `${address}[${JSON.stringify(key)}]`))
  })
  return {
    serial: typeof serial === 'number' ? serial : 0,
    lineage: typeof lineage === 'string' ? lineage : '',
    bytes: Buffer.byteLength(state),
    addresses: addresses.toSorted(),
  }
}

/** An old state as it is written to follow the present one; undefined when the present one says the same. */
export function restoredState(root: string, old: string, present: string): string | undefined {
  const [before, now] = [parse(old), parse(present)]
  if (before.lineage !== now.lineage) {
    const text = `restoring the state of ${root}: the version is of another history (lineage ${String(before.lineage)}, now ${String(now.lineage)}), so of other things`
    throw new AppError('conflict', 'state-lineage', text, { details: { root } })
  }
  const { serial } = summaryOf(present)
  if (isDeepStrictEqual({ ...before, serial }, { ...now, serial })) return undefined
  return JSON.stringify({ ...before, serial: serial + 1 }, null, 2)
}

function parse(state: string): StateFile {
  try {
    const value: unknown = JSON.parse(state)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // The cause would quote the text, which holds secrets.
  }
  throw new AppError('invalid', 'state-unreadable', 'this is not a state of Terraform')
}
