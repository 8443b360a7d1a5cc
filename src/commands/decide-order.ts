import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../base/errors.ts'
import { mergedParams, MOST_TOLD, type ParameterProblem, parametersOf } from '../catalog/parameters.ts'
import {
  type Becomes,
  getPlan,
  type Phase,
  type Plan,
  type Plans,
  notOffered,
  unavailableWith,
  type Values,
} from '../catalog/plan.ts'
import { holds, paramValues, resolveGiven } from '../catalog/resolve.ts'
import { isForced, suspended } from '../deployments/lifecycle.ts'
import { nameOf, openNeedsOfAll, usersOf } from '../deployments/needs.ts'
import { qualifierOf } from '../deployments/own-databases.ts'
import { quotaProblems } from '../deployments/quota.ts'
import type { Expected } from './expected.ts'
import type { ElsewhereHeld } from './held-elsewhere.ts'

/** Who asks, as far as rights go. */
export interface Requester {
  readonly name: string
  readonly isAdmin: boolean
}

export interface OrderWish {
  readonly plan: string
  readonly phase: Phase
  readonly params: Values
}

export interface OrderFacts {
  readonly plans: Plans
  readonly provider: string
  /** Plans that users may order anew; left out: all. */
  readonly services?: readonly string[] | undefined
  readonly quota: Readonly<Record<string, string>>
  /** What the account has, or will have. */
  readonly held: readonly Expected[]
  /** What other accounts have of it, where that matters. */
  readonly elsewhere?: readonly ElsewhereHeld[]
  readonly account: string
  readonly requester: Requester
}

export interface DecidedOrder {
  readonly plan: Plan
  readonly phase: Phase
  readonly instance: string
  /** What was asked for. */
  readonly given: Values
  /** What holds before, and what will hold. */
  readonly before: Values
  readonly after: Values
  readonly isNew: boolean
  /** Changes of what this needs: ordered before it. */
  readonly first: readonly DecidedOrder[]
  /** What works with this and has to follow its change: ordered after it. */
  readonly followers: readonly DecidedOrder[]
}

/** What an order comes to, or why it can't be: nothing is done. Decides only. */
export function decideOrder(wish: OrderWish, facts: OrderFacts): DecidedOrder {
  const asked = getPlan(facts.plans, wish.plan)
  checkAvailable(asked, wish, facts)
  checkRights(asked, facts.requester)
  const { becomes } = asked
  if (becomes === undefined || !isOther(asked, becomes, wish, facts)) return decide(asked, wish, facts)
  checkPhase(asked, wish.phase, [])
  const params = asked.checkParams(mergedParams({}, wish.params))
  const place = { plan: asked.plan, step: 'becomes', field: 'params' }
  const other = resolveGiven(becomes.params, { params: onlyGiven(asked, params, wish.params) }, place) as Values
  return decide(getPlan(facts.plans, becomes.plan), { ...wish, params: other }, facts)
}

/** As the order says, or as what it names was ordered before. */
function isOther(asked: Plan, { plan, when }: Becomes, { phase, params }: OrderWish, { held }: OrderFacts): boolean {
  const place = { plan: asked.plan, step: 'becomes', field: 'when' }
  if (when === undefined || holds(when, paramValues(params), place)) return true
  const has = (one: string) => held.some((other) => other.plan === one && other.instance === namedIn(asked, params))
  return phase !== 'install' && has(plan) && !has(asked.plan)
}

function namedIn(plan: Plan, params: Values): unknown {
  return params[/^\$\{params\.(.+)\}$/.exec(plan.instance ?? '')?.[1] ?? '']
}

/** Where only some orders become others, the other plan's own defaults hold. */
function onlyGiven({ becomes }: Plan, params: Values, given: Values): Values {
  if (becomes?.when === undefined) return params
  return Object.fromEntries(Object.entries(params).filter(([name]) => name in given))
}

function decide(plan: Plan, wish: OrderWish, facts: OrderFacts): DecidedOrder {
  const given = wish.params
  const existing = facts.held.filter((one) => one.plan === plan.plan)
  const instance = instanceOf(plan, wish, existing)
  const found = existing.find((one) => one.instance === instance)
  const before = found === undefined ? {} : completed(plan, found.params)
  const after = paramsAfter(plan, wish, before)
  const order = { plan, phase: wish.phase, instance, given, before, after, isNew: found === undefined }
  checkExistence(order, found, existing)
  checkUse(order, facts)
  checkGrowth(order)
  checkFixed(order)
  if (wish.phase === 'remove') return { ...order, first: [], followers: [] }
  checkQuota(order, facts)
  checkQualifier(order, facts)
  return { ...order, first: neededFirst(order, facts), followers: following(order, facts) }
}

/** With the defaults that an order still waiting has not been given yet. */
function completed(plan: Plan, params: Values): Values {
  try {
    return plan.checkParams(params)
  } catch {
    // A schema that became narrower: what was delivered is what it is.
    return params
  }
}

type Ordered = Omit<DecidedOrder, 'first' | 'followers'>

/** What is no longer offered can still be changed and removed. */
function checkAvailable(plan: Plan, { phase }: OrderWish, { provider, services }: OrderFacts): void {
  const why = unavailableWith(plan, provider) ?? (phase === 'install' ? notOffered(plan, services) : undefined)
  if (why === undefined) return
  throw new AppError('conflict', 'plan-unavailable', why, { details: { field: 'plan', value: plan.plan } })
}

function isOrderedBy(plan: Plan | undefined, { isAdmin }: Requester): boolean {
  return plan?.orderable === 'user' || (plan?.orderable === 'admin' && isAdmin)
}

function checkRights(asked: Plan, requester: Requester): void {
  if (isOrderedBy(asked, requester)) return
  const [{ plan, orderable }, { name }] = [asked, requester]
  const who = orderable === 'admin' ? 'admins' : 'the service itself'
  throw new AppError('forbidden', 'plan-not-orderable', `${plan} is ordered by ${who}, not by ${name}`, {
    details: { field: 'plan', value: plan, right: `ordered by ${who}` },
  })
}

/** Every wrong field at once. */
function checkPhase(plan: Plan, phase: Phase, more: readonly ParameterProblem[]): void {
  const wrong = { field: 'phase', value: phase, problem: `must be one of ${plan.phases.join(', ')}` }
  const problems = plan.phases.includes(phase) ? more : [wrong, ...more]
  if (problems.length === 0) return
  const text = problems.map(({ field, value, problem }) =>
    [field.replace(/^params\./, ''), ...(value === undefined ? [] : [JSON.stringify(value)]), problem].join(' '),
  )
  throw new AppError('invalid', 'order-invalid', `order of plan ${plan.plan}: ${text.join('; ')}`, {
    details: { plan: plan.plan, errors: problems },
  })
}

/** Which of several is meant: by its parameter, else the only one that there is, else the parameter's default. */
function instanceOf(plan: Plan, { phase, params }: OrderWish, existing: readonly Expected[]): string {
  const name = /^\$\{params\.(.+)\}$/.exec(plan.instance ?? '')?.[1]
  if (name === undefined) return ''
  const given = params[name]
  // What is no text is told by the check of the parameters.
  if (given !== undefined && given !== null) return typeof given === 'string' ? given : JSON.stringify(given)
  const [only, ...others] = existing
  if (phase !== 'install' && only !== undefined && others.length === 0) return only.instance
  const fallback = parametersOf(plan.parameters)[name]?.['default']
  const fits = phase === 'install' || existing.length === 0 || existing.some((one) => one.instance === fallback)
  if (typeof fallback === 'string' && fits) return fallback
  const there = existing.map((one) => one.instance).join(', ')
  const problem = `is missing: which ${plan.plan} is meant${there === '' ? '' : ` (there are ${there})`}`
  throw new AppError('invalid', 'order-invalid', `order of plan ${plan.plan}: ${name} ${problem}`, {
    details: { plan: plan.plan, errors: [{ field: `params.${name}`, problem }] },
  })
}

function paramsAfter(plan: Plan, { phase, params }: OrderWish, before: Values): Values {
  const merged = mergedParams(before, params)
  if (phase === 'remove') {
    // A schema that became narrower must not keep anyone from removing; a typing error is still told.
    checkPhase(plan, phase, unknownParams(plan, params))
    return merged
  }
  if (phase === 'suspend' || phase === 'resume') {
    checkPhase(plan, phase, strangers(plan, params, `can't be given together with phase ${phase}`))
    return merged
  }
  try {
    const after = plan.checkParams(merged)
    checkPhase(plan, phase, [])
    return after
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'parameters-invalid') throw error
    checkPhase(plan, phase, error.details?.['errors'] as ParameterProblem[])
    throw error
  }
}

function unknownParams(plan: Plan, params: Values): ParameterProblem[] {
  const known = parametersOf(plan.parameters)
  const has = Object.keys(known).sort().join(', ') || 'none'
  return Object.keys(params)
    .filter((name) => known[name] === undefined)
    .slice(0, MOST_TOLD)
    .map((name) => ({ field: `params.${name}`, problem: `is not a parameter of this plan; it has ${has}` }))
}

function strangers(plan: Plan, params: Values, problem: string): ParameterProblem[] {
  const own = /^\$\{params\.(.+)\}$/.exec(plan.instance ?? '')?.[1]
  return Object.keys(params)
    .filter((name) => name !== own)
    .map((name) => ({ field: `params.${name}`, problem }))
}

function checkExistence(order: Ordered, found: Expected | undefined, existing: readonly Expected[]): void {
  const { plan, phase, instance } = order
  if (found === undefined && phase !== 'install') {
    const there = existing.map((one) => nameOf(one)).join(', ')
    const text = `there is no ${nameOf({ plan: plan.plan, instance })} to ${phase}${there === '' ? '' : `; there is ${there}`}`
    throw new AppError('not-found', 'service-unknown', text, { details: { plan: plan.plan, instance } })
  }
  if (found === undefined && existing.length >= plan.limit) {
    const text = `${plan.plan}: an account may have ${plan.limit}, and has ${existing.map((one) => one.instance).join(', ')}`
    throw new AppError('conflict', 'limit-reached', text, {
      details: { field: 'plan', value: existing.length + 1, right: `${plan.limit} or less` },
    })
  }
  if (found?.suspended === true && (phase === 'install' || phase === 'update')) throw suspended(plan, instance)
}

/** What is stored has no way into something smaller. */
function checkGrowth({ plan, phase, before, after, isNew }: Ordered): void {
  if (phase === 'remove' || isNew) return
  const problems = plan.grows.flatMap((name): ParameterProblem[] => {
    const [old, value] = [Number(before[name]), Number(after[name])]
    if (!(value < old) || value === 0) return []
    return [
      { field: `params.${name}`, value, problem: `is smaller than before: it never shrinks, ${old} or more is right` },
    ]
  })
  checkPhase(plan, phase, problems)
}

/** What it was made with can't be changed without making another one. */
function checkFixed({ plan, phase, before, after, isNew }: Ordered): void {
  if (phase === 'remove' || isNew) return
  const problems = plan.fixed.flatMap((name): ParameterProblem[] => {
    if (isDeepStrictEqual(before[name], after[name])) return []
    const old = before[name] === undefined ? 'to leave it out' : JSON.stringify(before[name])
    const problem = `can't be changed: right is ${old}, or another ${plan.plan}`
    return [{ field: `params.${name}`, value: after[name], problem }]
  })
  checkPhase(plan, phase, problems)
}

/** A thing in use can't be removed, nor changed so that its users could not go on. */
function checkUse({ plan, phase, instance, after }: Ordered, { plans, held, elsewhere = [] }: OrderFacts): void {
  const others = held.filter((one) => one.plan !== plan.plan || one.instance !== instance)
  const target = { plan: plan.plan, instance, params: after }
  const removed = phase === 'remove'
  const users = usersOf(target, plans, others, { removed })
  const asked = isForced(plan, phase, after) ? [] : elsewhere
  const strangers = asked.filter((one) => usersOf(target, plans, [one], { removed }).length > 0)
  if (users.length + strangers.length === 0) return
  const usedBy = [...users.map(nameOf), ...strangers.map((one) => `${nameOf(one)} of account ${one.account}`)]
  const name = nameOf({ plan: plan.plan, instance })
  const what = phase === 'remove' ? 'be removed' : 'be changed like this'
  throw new AppError('conflict', 'service-in-use', `${name} can't ${what}: ${usedBy.join(', ')} needs it as it is`, {
    details: { plan: plan.plan, instance, usedBy },
  })
}

function checkQuota({ plan, instance, after }: Ordered, { plans, held, quota }: OrderFacts): void {
  const problems = quotaProblems({ plan: plan.plan, instance, params: after }, held, plans, quota)
  if (problems.length === 0) return
  throw new AppError(
    'conflict',
    'quota-reached',
    problems.map(({ field, problem }) => `${field}: ${problem}`).join('; '),
    {
      details: { errors: problems },
    },
  )
}

/** Each of an account's databases is reached by a name of its own. */
function checkQualifier({ plan, instance, after }: Ordered, { plans, held }: OrderFacts): void {
  const name = qualifierOf(plan, after, instance)
  if (name === undefined) return
  const taken = held.find((one) => {
    const other = plans.get(one.plan)
    if (other === undefined || (one.plan === plan.plan && one.instance === instance)) return false
    return qualifierOf(other, one.params, one.instance) === name
  })
  if (taken === undefined && name !== 'default') return
  const owner = taken === undefined ? 'the account’s own store' : nameOf(taken)
  const problem = `${JSON.stringify(name)} is the qualifier of ${owner}: choose another one`
  throw new AppError('conflict', 'qualifier-taken', `order of plan ${plan.plan}: qualifier ${problem}`, {
    details: { plan: plan.plan, errors: [{ field: 'params.qualifier', value: name, problem }] },
  })
}

function neededFirst({ plan, instance, after }: Ordered, facts: OrderFacts): DecidedOrder[] {
  const usable = facts.held.filter((one) => one.usable)
  const elsewhere = (facts.elsewhere ?? []).filter((one) => one.usable)
  const open = openNeedsOfAll(plan, after, facts.plans, usable, elsewhere)
  const missing = [...new Set(open.filter((need) => need.missing).map(nameOf))]
  if (missing.length > 0) {
    const isOwn = open.some((need) => need.missing && !need.anyone)
    const who = isOwn ? `account ${facts.account} does not have` : 'nobody has'
    const mayOrder = open.every((need) => !need.missing || isOrderedBy(facts.plans.get(need.plan), facts.requester))
    const how = mayOrder ? 'order it first' : 'an admin has to order it first'
    const text = `${nameOf({ plan: plan.plan, instance })} needs ${missing.join(', ')}, which ${who}: ${how}`
    throw new AppError('conflict', 'need-missing', text, { details: { needs: missing } })
  }
  return open.map((need) =>
    decide(getPlan(facts.plans, need.plan), { plan: need.plan, phase: 'update', params: need.params }, facts),
  )
}

/** Updates of what is there already; what is on its way comes after this in any case, and finds it changed. */
function following({ plan, before, after, isNew }: Ordered, { plans, held }: OrderFacts): DecidedOrder[] {
  const kept = (params: Values) =>
    Object.fromEntries(Object.entries(params).filter(([name]) => !plan.once.includes(name)))
  if (isNew || isDeepStrictEqual(kept(before), kept(after))) return []
  return held.flatMap((one): DecidedOrder[] => {
    const follower = plans.get(one.plan)
    const follows = follower?.needs.some((need) => need.plan === plan.plan && need.follow) === true
    if (follower === undefined || !follows || one.suspended) return []
    const { instance, params } = one
    const unchanged = { before: params, after: params, given: {}, isNew: false, first: [], followers: [] }
    return [{ plan: follower, phase: 'update', instance, ...unchanged }]
  })
}
