import { AppError } from '../base/errors.ts'
import { didYouMean, nearest } from '../base/nearest.ts'

/** `suspend`: nothing of it runs, nothing of it is lost; `resume` brings it back as it was. */
export const phases = ['install', 'update', 'remove', 'suspend', 'resume'] as const
export type Phase = (typeof phases)[number]

/** Who may order a plan: everybody for themselves, admins, or only the service itself. */
export const orderers = ['user', 'admin', 'system'] as const
export type Orderer = (typeof orderers)[number]

export type Values = Readonly<Record<string, unknown>>

export interface PlanStep {
  readonly step: string
  readonly action: string
  /** Steps that must be done first. */
  readonly after: readonly string[]
  /** Left out when this turns out false, empty, zero or missing; what it made before is then taken away. */
  readonly when?: unknown
  /** Left out when this holds. */
  readonly unless?: unknown
  /** The action's input; values may hold placeholders. */
  readonly with: Values
}

/** Another plan that the same account must have, with these parameters where they matter. */
export interface Need {
  readonly plan: string
  /** Which of several, as a template; the need does not exist when the template's parameter was not given. */
  readonly instance?: string
  readonly params: Values
  /** It is ordered again whenever what it needs has become another thing. */
  readonly follow: boolean
  /** Any account's will do. */
  readonly anyone: boolean
}

export interface Becomes {
  readonly plan: string
  readonly params: Values
  /** Only where this holds; always when left out. */
  readonly when?: unknown
}

/** Kept with the plan; nothing is charged. */
export interface Price {
  readonly amount: number
  readonly currency: string
  readonly per: string
}

/** An offering one can order. */
export interface Plan {
  readonly plan: string
  readonly title: string
  readonly description: string
  /** Whose plan it is: an account's, or of the operator's own commands. */
  readonly for: 'account' | 'site'
  readonly orderable: Orderer
  readonly phases: readonly Phase[]
  /** JSON Schema of the parameters, for forms and documentation. */
  readonly parameters: Values
  /** How many of it an account may have: one, or as many as `limit` says, told apart by `instance`. */
  readonly instances: 'one' | 'many'
  /** What tells several apart, such as `${params.label}`. */
  readonly instance: string | undefined
  readonly limit: number
  readonly needs: readonly Need[]
  /** What it takes of the account's quota, by the quota's names; `times` multiplies the others. */
  readonly uses: Values
  /** Providers of the site that it can be delivered with; all when left out. */
  readonly providers: readonly string[] | undefined
  /** What to do instead on a site of another provider, for people. */
  readonly elsewhere?: string | undefined
  readonly price: Price | undefined
  /** An order of this plan is one of another: its name, and its parameters as templates. */
  readonly becomes: Becomes | undefined
  /** Parameters that hold while it is suspended. */
  readonly suspended: Values
  /** Added to the account's settings while it is delivered. */
  readonly settings: Values | undefined
  /** A database of its own: the name that the account reaches it by, and where it is. */
  readonly qualifier: { readonly name: string; readonly host: string } | undefined
  readonly steps: readonly PlanStep[]
  /** Parameters that are stored encrypted and never shown. */
  readonly secrets: readonly string[]
  /** The parameter that names another account, whose settings the steps may use as `${other.settings.…}`: for admins' plans. */
  readonly other: string | undefined
  /** Numbers that an update may make larger, or 0 where that is allowed, and nothing in between. */
  readonly grows: readonly string[]
  /** Parameters that stay as they were ordered first. */
  readonly fixed: readonly string[]
  /** Parameters that mean one order only and are not remembered, such as `rotate`. */
  readonly once: readonly string[]
  /** Parameters with defaults filled in; throws `invalid`, naming the parameter and what would be right. */
  readonly checkParams: (params: Values) => Values
}

export type Plans = ReadonlyMap<string, Plan>

/** The plan of that name, or `not-found` with the names that exist. */
export function getPlan(plans: Plans, name: string): Plan {
  const plan = plans.get(name)
  if (plan !== undefined) return plan
  const all = [...plans.values()]
  const orderable = all.filter((one) => one.orderable !== 'system')
  const known = (orderable.length > 0 ? orderable : all).map((one) => one.plan).sort()
  const near = nearest(name, known)
  const rest = near.length > 0 ? didYouMean(near) : `; there are ${known.join(', ') || 'none'}`
  throw new AppError('not-found', 'plan-unknown', `there is no plan ${JSON.stringify(name)}${rest}`, {
    details: { plan: name, near, known },
  })
}

/** Whether nothing is there once an order of it has ended: what can't be removed is no deployment. */
export function leavesNothing({ phases }: Plan): boolean {
  return !phases.includes('remove')
}

/** Why this site can't deliver the plan, or `undefined` when it can. */
export function unavailableWith({ plan, providers, elsewhere }: Plan, provider: string): string | undefined {
  if (providers === undefined || providers.includes(provider)) return undefined
  const others = providers.length === 0 ? 'no provider delivers it yet' : `right is ${providers.join(', ')}`
  const instead = elsewhere === undefined ? '' : `; elsewhere ${elsewhere}`
  return `plan ${plan} is not available with provider ${provider}: ${others}${instead}`
}

/** Why users can't have the plan on a site that offers only some; `undefined`: they can. Plans of admins and the service are no offers. */
export function notOffered({ plan, orderable }: Plan, services: readonly string[] | undefined): string | undefined {
  if (services === undefined || orderable !== 'user' || services.includes(plan)) return undefined
  return `plan ${plan} is not offered on this site: right is ${services.join(', ') || 'none'}`
}

/** Steps whose `after` leads back to themselves, in order; undefined when there are none. */
export function findCycle(steps: readonly Pick<PlanStep, 'step' | 'after'>[]): readonly string[] | undefined {
  const after = new Map(steps.map((step) => [step.step, step.after]))
  const done = new Set<string>()
  const visit = (step: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(step)) return [...path.slice(path.indexOf(step)), step]
    if (done.has(step)) return undefined
    for (const earlier of after.get(step) ?? []) {
      const cycle = visit(earlier, [...path, step])
      if (cycle !== undefined) return cycle
    }
    done.add(step)
    return undefined
  }
  for (const { step } of steps) {
    const cycle = visit(step, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}
