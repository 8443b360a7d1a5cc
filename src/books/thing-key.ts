import type { Thing } from '../actions/action.ts'

/** What a thing is told from all others by. */
export function keyOf({ system, kind, name }: Thing): string {
  return `${system} ${kind} ${name}`
}

/** For people: `mongodb user x`, `Secret om-alice/runtime-work`. */
export function describeThing({ system, kind, name }: Thing): string {
  return system === 'kubernetes' ? `${kind.split('/').at(-1)} ${name}` : `${system} ${kind} ${name}`
}
