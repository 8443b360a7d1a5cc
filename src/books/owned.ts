import type { Action } from '../actions/action.ts'
import { accountsById, listAccounts } from '../accounts/store.ts'
import { AppError, kindOf } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import { getPlan, type Plans, type Values } from '../catalog/plan.ts'
import { isNotMade, isOtherGone, resolveGiven } from '../catalog/resolve.ts'
import type { Command } from '../commands/command.ts'
import { expandPlan } from '../commands/expand.ts'
import { openCommands } from '../commands/expected.ts'
import { begunSteps, lastInstall } from '../commands/store.ts'
import type { Db } from '../db/database.ts'
import { isTransient } from '../db/dialect.ts'
import { listDeployments } from '../deployments/store.ts'
import type { Owned } from './orphans.ts'
import { keyOf } from './thing-key.ts'

export interface BooksDeps {
  readonly db: Db
  readonly plans: Plans
  // oxlint-disable-next-line typescript/no-explicit-any -- every action has its own input, checked by its schema
  readonly actions: readonly Action<any>[]
  /** Values of a command's placeholders, as the engine asks for them. */
  context(command: Command): Promise<{ readonly values: Values }>
  unseal?(text: string): string
}

/** A deployment that is not removed, as a command for it would be. */
export interface Live {
  readonly account: string
  readonly plan: string
  readonly instance: string
  readonly subject: number
  readonly params: Values
  /** What was delivered is there, and no order is on its way to change it. */
  readonly settled: boolean
  readonly suspended: boolean
}

/** A step of a deployment, with what its action gets. */
export interface LiveStep {
  readonly step: string
  readonly action: Action<unknown>
  readonly input: unknown
}

/** Every deployment that has not been removed, accounts that are being removed included. */
export async function liveDeployments(db: Db): Promise<Live[]> {
  const rows = (await listDeployments(db)).filter((row) => row.status !== Status.removed)
  const ids = [...new Set(rows.map((row) => row.accountId))]
  const names = new Map<number, string>()
  for (let start = 0; start < ids.length; start += PAGE)
    for (const { id, name } of await accountsById(db, ids.slice(start, start + PAGE))) names.set(id, name)
  const live: Live[] = []
  for (const { accountId: subject, plan, instance, params, status, readyAt, suspendedAt } of rows) {
    const ordered = (await lastInstall(db, { plan, instance, subject }))?.params ?? {}
    const open = (await openCommands(db, subject)).some((one) => one.plan === plan && one.instance === instance)
    live.push({
      account: names.get(subject) ?? '',
      plan,
      instance,
      subject,
      params: Object.keys(params).length === 0 ? ordered : params,
      settled: status === Status.completed && readyAt !== undefined && !open,
      suspended: suspendedAt !== undefined,
    })
  }
  return live
}

const PAGE = 500

/** Everything that live deployments have or may have: as much as their removal would take away. */
export async function ownedThings(deps: BooksDeps): Promise<Owned> {
  const keys = new Set<string>()
  const untold = new Set<string>()
  for (const one of await liveDeployments(deps.db)) {
    try {
      for (const { action, input } of await stepsOf(deps, one, 'remove'))
        for (const thing of (await action.things?.(input)) ?? []) keys.add(keyOf(thing))
    } catch (error) {
      if (isTransient(error) || kindOf(error) === 'unavailable') throw error
      // A plan that is not there any more, parameters that don't fit: better to say nothing than a wrong thing.
      untold.add(one.account)
    }
  }
  // Whoever may sign in is a user of JupyterHub from the first sign-in on, delivered or not.
  for (let after: string | undefined; ; ) {
    const accounts = await listAccounts(deps.db, { after, limit: PAGE })
    for (const { name } of accounts) keys.add(keyOf({ system: 'jupyterhub', kind: 'user', name }))
    after = accounts.at(-1)?.name
    if (accounts.length < PAGE) return { keys, untold }
  }
}

/** The steps that an order of this phase would have, with their inputs resolved. */
export async function stepsOf(deps: BooksDeps, live: Live, phase: 'install' | 'remove'): Promise<LiveStep[]> {
  const plan = getPlan(deps.plans, live.plan)
  const command = commandFor(live, live.suspended && phase === 'install' ? 'suspend' : phase)
  const { values } = await deps.context(command)
  const begun = await begunSteps(deps.db, live)
  const given = begun.flatMap(({ step, outputs }) =>
    outputs === undefined ? [] : [[step, JSON.parse(deps.unseal?.(outputs) ?? outputs) as Values]],
  )
  const all = { params: live.params, ...values, steps: Object.fromEntries(given) as Values }
  const steps = expandPlan({ plan, phase, values: all, begun: new Set(begun.map(({ step }) => step)) })
  const wanted = phase === 'remove' ? steps : steps.filter(({ mode }) => mode === 'ensure')
  return wanted.flatMap(({ step, action: name, input }) => {
    const action = deps.actions.find((candidate) => candidate.name === name)
    if (action === undefined) throw new AppError('bug', 'action-unknown', `step ${step}: there is no action '${name}'`)
    try {
      const place = { plan: live.plan, step, field: 'with' }
      return [{ step, action, input: action.input.parse(resolveGiven(input, all, place)) as unknown }]
    } catch (error) {
      // It needs what an earlier step gives, and that one never ended: this one never began.
      if (isNotMade(error) && begun.every((one) => one.step !== step)) return []
      // The account that it worked with is gone; it left nothing of its own.
      if (isOtherGone(error) && action.things === undefined) return []
      throw error
    }
  })
}

function commandFor({ plan, instance, subject, params }: Live, phase: Command['phase']): Command {
  return {
    id: 0,
    plan,
    instance,
    phase,
    params,
    subject,
    requestedBy: 'cloudmgr',
    status: Status.pending,
    state: 'running',
    undoOf: undefined,
    issuedBy: undefined,
    message: undefined,
    createdAt: 0,
    startedAt: undefined,
    endedAt: undefined,
  }
}
