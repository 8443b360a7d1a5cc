import type { Plans, Values } from '../catalog/plan.ts'
import { resolveGiven } from '../catalog/resolve.ts'
import { type Held, nameOf } from './needs.ts'

export interface QuotaProblem {
  /** The quota's name, such as `memoryLimits`. */
  readonly field: string
  readonly value: number
  readonly problem: string
}

const factors: Readonly<Record<string, number>> = {
  m: 0.001,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
}

/** A quantity as Kubernetes writes it; `undefined` when it is none. */
export function parseQuantity(value: unknown): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(m|k|M|G|Ki|Mi|Gi)?$/.exec(String(value)) ?? []
  return digits === undefined ? undefined : Number(digits) * (unit === '' ? 1 : (factors[unit] ?? 1))
}

/** Where `wanted` together with what the account has would be more than its quota. */
export function quotaProblems(
  wanted: Held,
  held: readonly Held[],
  plans: Plans,
  quota: Readonly<Record<string, string>>,
): QuotaProblem[] {
  const others = held.filter((one) => one.plan !== wanted.plan || one.instance !== wanted.instance)
  const uses = others.map((one) => usesOf(one, plans))
  return Object.entries(usesOf(wanted, plans)).flatMap(([field, asked]) => {
    const most = parseQuantity(quota[field])
    const used = uses.reduce((sum, use) => sum + (use[field] ?? 0), 0)
    if (most === undefined || asked === 0 || used + asked <= most) return []
    const problem = `${nameOf(wanted)} asks for ${shown(asked)}, ${shown(used)} of ${quota[field]} are in use: ${shown(Math.max(0, most - used))} or less is right`
    return [{ field, value: asked, problem }]
  })
}

function usesOf({ plan: name, params }: Held, plans: Plans): Record<string, number> {
  const plan = plans.get(name)
  if (plan === undefined) return {}
  const { times = 1, ...rest } = resolveGiven(
    plan.uses,
    { params: complete(plan.parameters, params) },
    {
      plan: name,
      step: 'uses',
      field: 'uses',
    },
  ) as Values
  const factor = parseQuantity(times) ?? 1
  return Object.fromEntries(Object.entries(rest).map(([field, value]) => [field, (parseQuantity(value) ?? 0) * factor]))
}

/** Parameters that a newer plan has and an older deployment does not know count by their default. */
function complete(schema: Values, params: Values): Values {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Values>)
  const defaults = properties.flatMap(([name, part]) =>
    part['default'] === undefined ? [] : [[name, part['default']]],
  )
  return { ...Object.fromEntries(defaults), ...params }
}

function shown(amount: number): string {
  const gi = factors['Gi'] ?? 1
  return amount >= 2 ** 20 ? `${Math.round((amount / gi) * 100) / 100}Gi` : String(Math.round(amount * 1000) / 1000)
}
