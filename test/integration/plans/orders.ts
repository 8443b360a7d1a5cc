import { leavesNothing, type Phase, type Plan, type Plans, type Values } from '../../../src/catalog/plan.ts'

/** What the tests order of a plan. */
interface Ordered {
  /** Tells which of several; needed by plans that may be had several times. */
  readonly instance?: Values
  /** By phase, beside `instance`. */
  readonly params?: Partial<Readonly<Record<Phase, Values>>>
  /** Of a plan that the service alone orders: whom it is for. Left out: nobody, it is of the site. */
  readonly subject?: string
}

/** A user of the broker that nobody has; the test makes it. */
export const stray = 'stray'

/** Whose store is copied, and who is given one; the test makes it. */
export const other = 'source'

/** Claims that are ordered; the volumes behind them are named by them. */
export const claims: readonly string[] = ['home', 'storage-data', 'database-docs']

/** A plan that is missing here fails the tests: give it parameters that make, change and use all of its steps. */
export const ordered: Readonly<Record<string, Ordered>> = {
  'shared-runtime': { params: { update: { rotate: true } }, subject: 'omworker' },
  omegaml: { params: { update: { vhost: true, rotate: true } } },
  registry: {
    instance: { name: 'mine' },
    params: {
      install: { server: 'ghcr.io', username: 'somebody', password: 'a secret of theirs' },
      update: { username: 'another' },
    },
  },
  storage: { instance: { name: 'data' }, params: { install: { size: 1 }, update: { size: 2 } } },
  database: {
    instance: { name: 'docs' },
    params: { install: { size: 1 }, update: { size: 2, rotate: true }, remove: { dump: true } },
  },
  share: { instance: { with: other }, params: { update: { access: 'read', rotate: true } } },
  credential: {
    instance: { name: 'cloud' },
    params: { install: { secret: 'a secret of theirs' }, update: { secret: 'another one of theirs' } },
  },
  scheduler: {},
  runtime: {
    instance: { label: 'worker' },
    params: { install: { registry: 'mine', size: 1 }, update: { size: 2 } },
  },
  worker: { instance: { 'node-name': 'worker' }, params: { update: { scale: 1 } } },
  jupyter: { params: { install: { memory: '1G' }, update: { cpu: 1 } } },
  cluster: { instance: { name: 'second' }, params: { install: { size: 1 }, update: { size: 2 } } },
  tenant: { instance: { cluster: 'second' } },
  nodepool: { instance: { name: 'gpu' }, params: { install: { size: 1 }, update: { size: 2 } } },
  migrateuserdb: { params: { install: { from: other } } },
  // Of the account that is there: it makes sure of the service and of that same runtime.
  signup: { params: { install: { own: true } } },
  comparison: {},
  'terraform-state': { params: { install: { root: 'nodepool-nobody', change: 'unlock' } } },
  orphan: { params: { remove: { system: 'rabbitmq', kind: 'user', name: stray } } },
}

export interface Order {
  readonly plan: string
  readonly phase: Phase
  readonly params: Values
}

/** Every phase of every plan that a provider can fill: what others need first, removed in the reverse order. */
export function everyOrder(plans: Plans): Order[] {
  const offered = [...plans.values()].filter((plan) => plan.providers?.length !== 0)
  // Those that deliver nothing of their own come when everything is there.
  const isOwn = (plan: Plan) =>
    !isAnother(plan) && !leavesNothing(plan) && (plan.orderable !== 'system' || isOfAccount(plan))
  // The account comes before what needs nothing else: it is the one that all is ordered for.
  const rank = (plan: Plan) => (plan.plan === 'omegaml' ? -1 : depth(plan, plans))
  const plain = offered.filter(isOwn).toSorted((a, b) => rank(a) - rank(b))
  const others = offered.filter((plan) => !isOwn(plan))
  const phasesOf = (plan: Plan, phases: readonly Phase[]) =>
    phases.filter((phase) => plan.phases.includes(phase)).map((phase) => orderOf(plan, phase))
  // A share moves with the account to its own virtual host: it is there before that.
  const early = (plan: Plan) => (plan.plan === 'omegaml' ? plain.filter((one) => one.plan === 'share') : [])
  return [
    ...plain.flatMap((plan) => [
      ...phasesOf(plan, ['install']),
      ...early(plan).flatMap((one) => phasesOf(one, ['install'])),
      ...phasesOf(plan, ['update']),
    ]),
    ...others.flatMap((plan) => phasesOf(plan, ['install', 'update', 'suspend', 'resume', 'remove'])),
    ...plain.flatMap((plan) => phasesOf(plan, ['suspend', 'resume'])),
    ...plain.toReversed().flatMap((plan) => phasesOf(plan, ['remove'])),
  ]
}

/** Its orders are orders of another plan. */
export function isAnother({ becomes }: Plan): boolean {
  return becomes !== undefined && becomes.when === undefined
}

function isOfAccount({ plan }: Plan): boolean {
  return ordered[plan] === undefined || ordered[plan].subject !== undefined
}

function orderOf({ plan }: Plan, phase: Phase): Order {
  const given = ordered[plan]
  if (given === undefined) throw new Error(`plan ${plan} has no parameters in test/integration/plans/orders.ts`)
  const params = { ...given.instance, ...given.params?.[phase] }
  return { plan, phase, params }
}

function depth({ needs }: Plan, plans: Plans): number {
  return needs.reduce((deepest, need) => {
    const needed = plans.get(need.plan)
    return needed === undefined ? deepest : Math.max(deepest, 1 + depth(needed, plans))
  }, 0)
}
