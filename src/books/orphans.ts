import type { Thing } from '../actions/action.ts'
import { keyOf } from './thing-key.ts'

/** Something outside that has our label, our note, or a name as we give them. */
export interface Found extends Thing {
  /** Whose it is or was, as far as it tells. */
  readonly account?: string | undefined
  /** Whether it is ours beyond doubt; only then it may be taken away. */
  readonly sure: boolean
  /** It may be the only copy of somebody's data: it is kept until it is asked for by itself. */
  readonly holdsData?: boolean
  /** For people: how it is known, or why it is not sure. */
  readonly detail: string
  /** Keys of what goes with it. */
  readonly takes?: readonly string[]
  /** Key of what it lies in, and goes with. */
  readonly within?: string | undefined
  /** Key of what it is a part of: while somebody has that, it is no orphan. */
  readonly partOf?: string | undefined
}

/** What the rows know. */
export interface Owned {
  /** Keys of what live deployments and accounts have, or may have while an order runs. */
  readonly keys: ReadonlySet<string>
  /** Accounts of which it can't be told what they have: nothing of theirs is judged. */
  readonly untold: ReadonlySet<string>
}

/** What nobody has any more; what goes with another orphan is not named beside it. Decides only. */
export function orphansOf(found: readonly Found[], owned: Owned): Found[] {
  const alone = found.filter((one) => isAlone(one, owned)).map((one) => doubted(one, owned))
  const sure = alone.filter((one) => one.sure)
  const going = new Set([...sure.map(keyOf), ...sure.flatMap((one) => one.takes ?? [])])
  return alone.filter((one) => {
    const isTaken = sure.some((other) => other !== one && other.takes?.includes(keyOf(one)) === true)
    return !isTaken && ![one.within, one.partOf].some((key) => key !== undefined && going.has(key))
  })
}

function isAlone(one: Found, { keys, untold }: Owned): boolean {
  const hasOwner = [keyOf(one), one.partOf].some((key) => key !== undefined && keys.has(key))
  return !hasOwner && (one.account === undefined || !untold.has(one.account))
}

/** It may be of an account that can't be told. */
function doubted(one: Found, { untold }: Owned): Found {
  if (!one.sure || one.account !== undefined || untold.size === 0) return one
  return { ...one, sure: false, detail: `${one.detail}, but may be of ${[...untold].join(', ')}, which can't be told` }
}
