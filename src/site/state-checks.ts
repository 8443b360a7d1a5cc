import type { Check } from './checks.ts'
import type { SiteStateRow } from './site-states.ts'

export interface StateFacts {
  readonly states: readonly SiteStateRow[]
  /** Who has the site's lock where that can't be told from here. */
  readonly elsewhere: string | undefined
  /** Roots in whose folder a run left a state that it could not write. */
  readonly unwritten: readonly string[]
}

/** Whether something a dead run left stands in the way of the site's Terraform states. */
export function stateChecks({ states, elsewhere, unwritten }: StateFacts): Check[] {
  const name = 'states'
  const left: Check[] = [
    ...states.flatMap(({ root, lock }): Check[] => {
      if (lock === undefined || lock.alive) return []
      const since = lock.since === undefined ? '' : ` since ${new Date(lock.since).toISOString()}`
      const detail = `${root} is locked by ${lock.holder}${since}, which has died`
      const mend = `./cloudmgr up takes it over; ./cloudmgr state unlock ${root} takes it away`
      return [{ name, ok: false, needed: false, detail, mend }]
    }),
    ...(elsewhere === undefined
      ? []
      : [
          {
            name,
            ok: false,
            needed: true,
            detail: `${elsewhere} has this site, and from here nobody can tell whether it lives`,
            mend: 'when it is surely gone: ./cloudmgr state unlock cluster',
          },
        ]),
    ...unwritten.map((root) => ({
      name,
      ok: false,
      needed: false,
      detail: `what the last run of ${root} did could not be written, and lies in its folder as errored.tfstate`,
      mend: 'make space on the disk, then ./cloudmgr up brings it in',
    })),
  ]
  if (left.length > 0 || states.length === 0) return left
  const working = states.flatMap(({ root, lock }) => (lock === undefined ? [] : [`${lock.holder} works on ${root}`]))
  const detail = [states.map(({ root }) => root).join(', '), ...working].join('; ')
  return [{ name, ok: true, needed: false, detail }]
}
