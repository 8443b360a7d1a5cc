import type { Account } from '../accounts/account.ts'
import { accountNames } from '../accounts/store.ts'
import type { Command } from '../commands/command.ts'
import { asWhole, issuedBy, standsAt, withIssued } from '../commands/issued.ts'
import { commandBefore } from '../commands/lane.ts'
import { listSteps } from '../commands/progress.ts'
import { undoableSteps } from '../commands/undo.ts'
import { showCommand, showProgress, showStep } from './command-views.ts'
import type { ApiDeps } from './deps.ts'
import { changesFor } from './visible-command.ts'

type Deps = Pick<ApiDeps, 'db' | 'plans' | 'clock'>

export async function viewCommand(deps: Deps, command: Command) {
  const names = await accountNames(deps.db, command.subject === undefined ? [] : [command.subject])
  const { whole, issued } = await withIssued(deps.db, command)
  return showCommand(whole, {
    account: command.subject === undefined ? undefined : names.get(command.subject),
    plan: deps.plans.get(command.plan),
    before: await commandBefore(deps.db, standsAt(command, issued)),
  })
}

export async function viewCommands(deps: Deps, commands: readonly Command[]) {
  const subjects = commands.flatMap((command) => command.subject ?? [])
  const names = await accountNames(deps.db, subjects)
  const issued = await issuedBy(
    deps.db,
    commands.map(({ id }) => id),
  )
  return commands.map((command) =>
    showCommand(asWhole(command, issued.get(command.id) ?? []), {
      account: names.get(command.subject ?? -1),
      plan: deps.plans.get(command.plan),
    }),
  )
}

/** Everything that is known of it. */
export async function viewDetails(deps: Deps, caller: Account, command: Command) {
  const now = deps.clock.now()
  const { steps, current } = await stepsOf(deps, command)
  return {
    ...(await viewCommand(deps, command)),
    steps: await Promise.all(steps.map((step) => showStep(deps.db, step, now))),
    may: await changesFor(deps, caller, current),
    undoes: await undoableSteps(deps.db, current),
  }
}

/** Its state without output and without what changes by the clock alone. */
export async function viewState(deps: Deps, caller: Account, command: Command) {
  const { steps, current } = await stepsOf(deps, command)
  return {
    ...(await viewCommand(deps, command)),
    steps: steps.map((step) => withoutDuration(showProgress(step, 0))),
    may: await changesFor(deps, caller, current),
    undoes: await undoableSteps(deps.db, current),
  }
}

/** Its own steps and those of what it ordered; and which of these orders can be changed. */
async function stepsOf({ db }: Pick<Deps, 'db'>, command: Command) {
  const { issued } = await withIssued(db, command)
  const steps = await Promise.all([command, ...issued].map(async (one) => await listSteps(db, one)))
  return { steps: steps.flat(), current: standsAt(command, issued) }
}

function withoutDuration<View extends { durationMs?: number }>({ durationMs: _durationMs, ...view }: View) {
  return view
}
