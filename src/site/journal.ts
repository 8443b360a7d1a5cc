import { cancelCommand } from '../commands/cancel.ts'
import type { Command } from '../commands/command.ts'
import { listOutput, listStepsTold, type StepView } from '../commands/progress.ts'
import { retryCommand } from '../commands/retry.ts'
import { findCommand, listCommands } from '../commands/store.ts'
import { submitCommand } from '../commands/submit.ts'
import { undoCommand } from '../commands/undo.ts'
import type { Phase, Plans, Values } from '../catalog/plan.ts'
import type { Db } from '../db/database.ts'
import type { SiteStates } from './site-states.ts'

export type { StepView } from '../commands/progress.ts'
export type CommandView = Command

/** What works on the journal's commands: the one engine, with the site's actions. */
export interface Worker {
  start(): Promise<void>
  /** Stops claiming and interrupts what runs; resolves when nothing runs any more. */
  stop(): Promise<void>
}

/** The site's own commands, in its state folder. Only the process that holds the site's lock works on them. */
export interface Journal {
  submit(order: { plan: string; phase: Phase; params: Values }): Promise<Command>
  find(id: number): Promise<Command | undefined>
  /** Newest first. */
  list(limit: number): Promise<Command[]>
  steps(command: number): Promise<StepView[]>
  output(task: number): Promise<string[]>
  retry(id: number): Promise<void>
  undo(id: number): Promise<Command>
  /** Ends an unfinished command that a new one replaces. */
  abandon(id: number, reason: string): Promise<void>
  /** Terraform states of the site's own roots. */
  readonly states: SiteStates
  start(): Promise<void>
  stop(): Promise<void>
  close(): Promise<void>
}

const requestedBy = 'operator'

export function createJournal(db: Db, plans: Plans, worker: Worker, states: SiteStates): Journal {
  return {
    states,
    // One lane: `up` and `down` never run at the same time.
    submit: async (order) => await submitCommand(db, { ...order, requestedBy, lane: 'site' }, { plans }),
    find: async (id) => await findCommand(db, id),
    list: async (limit) => await listCommands(db, { limit }),
    steps: async (command) => await listStepsTold(db, command),
    output: async (task) => (await listOutput(db, task)).map(({ line }) => line),
    retry: async (id) => void (await retryCommand(db, id)),
    undo: async (id) => await undoCommand(db, id, requestedBy),
    abandon: async (id, reason) => void (await cancelCommand(db, id, reason, { force: true })),
    start: async () => await worker.start(),
    stop: async () => await worker.stop(),
    close: async () => await db.destroy(),
  }
}
