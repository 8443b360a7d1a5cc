import type { Account } from '../accounts/account.ts'
import { accountNames } from '../accounts/store.ts'
import type { Command } from '../commands/command.ts'
import { commandBefore } from '../commands/lane.ts'
import { listSteps } from '../commands/progress.ts'
import { undoableSteps } from '../commands/undo.ts'
import { showCommand, showProgress, showStep } from './command-views.ts'
import type { ApiDeps } from './deps.ts'
import { changesFor } from './visible-command.ts'

type Deps = Pick<ApiDeps, 'db' | 'plans' | 'clock'>

export async function viewCommand(deps: Deps, command: Command) {
  const names = await accountNames(deps.db, command.subject === undefined ? [] : [command.subject])
  return showCommand(command, {
    account: command.subject === undefined ? undefined : names.get(command.subject),
    plan: deps.plans.get(command.plan),
    before: await commandBefore(deps.db, command),
  })
}

export async function viewCommands(deps: Deps, commands: readonly Command[]) {
  const subjects = commands.flatMap((command) => command.subject ?? [])
  const names = await accountNames(deps.db, subjects)
  return commands.map((command) =>
    showCommand(command, { account: names.get(command.subject ?? -1), plan: deps.plans.get(command.plan) }),
  )
}

/** Everything that is known of it. */
export async function viewDetails(deps: Deps, caller: Account, command: Command) {
  const now = deps.clock.now()
  const steps = await listSteps(deps.db, command)
  return {
    ...(await viewCommand(deps, command)),
    steps: await Promise.all(steps.map((step) => showStep(deps.db, step, now))),
    may: await changesFor(deps, caller, command),
    undoes: await undoableSteps(deps.db, command),
  }
}

/** Its state without output and without what changes by the clock alone. */
export async function viewState(deps: Deps, caller: Account, command: Command) {
  const steps = await listSteps(deps.db, command)
  return {
    ...(await viewCommand(deps, command)),
    steps: steps.map((step) => withoutDuration(showProgress(step, 0))),
    may: await changesFor(deps, caller, command),
    undoes: await undoableSteps(deps.db, command),
  }
}

function withoutDuration<View extends { durationMs?: number }>({ durationMs: _durationMs, ...view }: View) {
  return view
}
