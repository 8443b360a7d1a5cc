import { isNotGiven, resolve, resolveGiven } from '../catalog/resolve.ts'
import type { Need, Plan, Plans, Values } from '../catalog/plan.ts'

/** A deployment as far as others depend on it. */
export interface Held {
  readonly plan: string
  readonly instance: string
  readonly params: Values
}

export interface OpenNeed {
  readonly plan: string
  readonly instance: string
  /** Parameters that it would have to have; empty when it is missing as a whole. */
  readonly params: Values
  readonly missing: boolean
  readonly anyone: boolean
}

/** `runtime gpu`, or `omegaml`. */
export function nameOf({ plan, instance }: Pick<Held, 'plan' | 'instance'>): string {
  return instance === '' ? plan : `${plan} ${instance}`
}

/** What `plan` with `params` needs and the account does not have as needed; `others` is what other accounts have. */
export function openNeeds(plan: Plan, params: Values, held: readonly Held[], others: readonly Held[] = []): OpenNeed[] {
  return plan.needs.flatMap((need): OpenNeed[] => {
    const instance = instanceOf(plan, need, params)
    if (instance === undefined) return []
    const { anyone } = need
    const wanted = paramsOf(plan, need, params)
    const found = [...held, ...(anyone ? others : [])].find(
      (one) => one.plan === need.plan && one.instance === instance,
    )
    if (found === undefined) return [{ plan: need.plan, instance, params: wanted, missing: true, anyone }]
    const differing = Object.entries(wanted).filter(([name, value]) => (found.params[name] ?? null) !== value)
    if (differing.length === 0) return []
    return [{ plan: need.plan, instance, params: Object.fromEntries(differing), missing: false, anyone }]
  })
}

/** As `openNeeds`, and of what it needs in turn what is missing: a place on a cluster that is gone is none. */
export function openNeedsOfAll(
  plan: Plan,
  params: Values,
  plans: Plans,
  held: readonly Held[],
  others: readonly Held[] = [],
): OpenNeed[] {
  const deeper = plan.needs.flatMap((need) => {
    const needed = plans.get(need.plan)
    const found = held.find((one) => one.plan === need.plan && one.instance === instanceOf(plan, need, params))
    if (needed === undefined || found === undefined) return []
    return openNeedsOfAll(needed, found.params, plans, held, others).filter(({ missing }) => missing)
  })
  return [...openNeeds(plan, params, held, others), ...deeper]
}

/** `null`, the default: where a template's parameter was not given. */
function paramsOf({ plan }: Plan, need: Need, params: Values): Values {
  const given = resolveGiven(need.params, { params }, { plan, step: 'needs', field: need.plan }) as Values
  return Object.fromEntries(Object.keys(need.params).map((name) => [name, given[name] ?? null]))
}

/** Who could not be without `target`, or not with other parameters of it. */
export function usersOf(target: Held, plans: Plans, held: readonly Held[], { removed }: { removed: boolean }): Held[] {
  return held.filter((one) => {
    const plan = plans.get(one.plan)
    return plan?.needs.some((need) => {
      if (need.plan !== target.plan || instanceOf(plan, need, one.params) !== target.instance) return false
      return (
        removed ||
        Object.entries(paramsOf(plan, need, one.params)).some(
          ([name, value]) => (target.params[name] ?? null) !== value,
        )
      )
    })
  })
}

/** Those that others need come last. */
export function dependentsFirst<One extends Pick<Held, 'plan'>>(deployments: readonly One[], plans: Plans): One[] {
  const depth = (name: string): number => {
    const needs = plans.get(name)?.needs ?? []
    return needs.length === 0 ? 0 : 1 + Math.max(...needs.map((need) => depth(need.plan)))
  }
  return deployments.toSorted((a, b) => depth(b.plan) - depth(a.plan))
}

/** `undefined`: the parameter that would name it was not given, so nothing is needed. */
export function instanceOf(plan: Plan, need: Need, params: Values): string | undefined {
  if (need.instance === undefined) return ''
  try {
    const name = resolve(need.instance, { params }, { plan: plan.plan, step: 'needs', field: need.plan })
    return typeof name === 'string' && name !== '' ? name : undefined
  } catch (error) {
    if (isNotGiven(error)) return undefined
    throw error
  }
}
