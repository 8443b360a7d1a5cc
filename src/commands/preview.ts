import type { Account } from '../accounts/account.ts'
import type { Values } from '../catalog/plan.ts'
import { paramValues } from '../catalog/resolve.ts'
import { accountValues } from '../deployments/account-values.ts'
import { withoutSecrets } from '../deployments/contract.ts'
import { nameOf } from '../deployments/needs.ts'
import type { SiteFacts } from '../deployments/site-facts.ts'
import { siteValues } from '../deployments/site-values.ts'
import type { Db } from '../db/database.ts'
import type { DecidedOrder } from './decide-order.ts'
import { expandPlan } from './expand.ts'
import { begunSteps } from './store.ts'

export interface PreviewChange {
  readonly parameter: string
  readonly from?: unknown
  readonly to?: unknown
}

export interface PreviewStep {
  readonly step: string
  readonly action: string
  readonly does: 'ensure' | 'remove'
}

export interface Preview {
  /** `runtime gpu`, or `omegaml`. */
  readonly name: string
  readonly plan: string
  readonly instance: string
  readonly phase: DecidedOrder['phase']
  /** Orders that would be placed before it. */
  readonly first: readonly Preview[]
  readonly changes: readonly PreviewChange[]
  readonly steps: readonly PreviewStep[]
  /** Steps that an undo would take back if it failed; empty: what was there before stays, and it can be tried again. */
  readonly undone: readonly string[]
}

export interface PreviewDeps {
  readonly db: Db
  readonly site: SiteFacts
}

/** What would change, step by step. */
export async function previewOrder(deps: PreviewDeps, account: Account, order: DecidedOrder): Promise<Preview> {
  const { plan, phase, instance, isNew } = order
  const begun = await begunSteps(deps.db, { plan: plan.plan, subject: account.id, instance })
  const params = { ...order.after, ...(phase === 'suspend' ? plan.suspended : {}) }
  const values = { ...paramValues(params), site: siteValues(deps.site), account: accountValues(account) }
  const steps = expandPlan({ plan, phase, values, begun: new Set(begun.map((step) => step.step)) })
  const first: Preview[] = []
  for (const before of order.first) first.push(await previewOrder(deps, account, before))
  return {
    name: nameOf({ plan: plan.plan, instance }),
    plan: plan.plan,
    instance,
    phase,
    first,
    changes: changesOf(order),
    steps: steps.map(({ step, action, mode }) => ({ step, action, does: mode })),
    undone: phase === 'install' && isNew ? steps.map(({ step }) => step).toReversed() : [],
  }
}

function changesOf({ plan, phase, before, after, given }: DecidedOrder): PreviewChange[] {
  if (phase === 'remove')
    return Object.entries(withoutSecrets(before, plan)).map(([parameter, from]) => ({ parameter, from }))
  const [old, fresh]: Values[] = [withoutSecrets(before, plan), withoutSecrets(after, plan)]
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => !plan.once.includes(name) || name in given)
    .sort()
  return (
    names
      // A new secret looks like the old one.
      .filter(
        (name) =>
          JSON.stringify(old?.[name]) !== JSON.stringify(fresh?.[name]) ||
          (plan.secrets.includes(name) && name in given),
      )
      .map((parameter) => ({
        parameter,
        ...(old?.[parameter] === undefined ? {} : { from: old[parameter] }),
        ...(fresh?.[parameter] === undefined ? {} : { to: fresh[parameter] }),
      }))
  )
}
