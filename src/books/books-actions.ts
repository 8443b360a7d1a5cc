import type { Action } from '../actions/action.ts'
import { order } from '../actions/order.ts'
import { terraformState } from '../actions/terraform-state.ts'
import { type ServiceParts, serviceActionNames, serviceActions } from '../actions/service-actions.ts'
import type { StateStore } from '../clusters/terraform-states.ts'
import { compareBooks, type Holding } from './compare.ts'
import { orphan } from './orphan.ts'
import type { BooksDeps } from './owned.ts'

/** Names of everything that steps of the service's plans can do; the same as of `accountActions`. */
export const accountActionNames: readonly string[] = [
  ...serviceActionNames,
  'order',
  'compare-books',
  'orphan',
  'terraform-state',
]

/** What the comparison needs beside the outside. */
export type BooksParts = Omit<BooksDeps, 'actions'> & {
  readonly states: Pick<StateStore, 'filledRoots' | 'restore' | 'release'>
  readonly holding: Holding
}

/** What delivers, what orders, what compares the books with what was delivered, and what changes states by hand. */
export function accountActions(parts: ServiceParts, { states, holding, ...rows }: BooksParts): Action<never>[] {
  const delivering = serviceActions(parts)
  const books: BooksDeps = { ...rows, actions: delivering }
  const outside = { ...parts, db: rows.db, states }
  const comparing = { books, outside, holding, clock: parts.clock, roots: parts.roots, clusters: parts.clusters }
  const ordering = order({ db: rows.db, clock: parts.clock })
  const delivered = [...delivering, ordering, compareBooks(comparing), orphan(comparing)]
  return [...delivered, terraformState({ states })] as Action<never>[]
}
