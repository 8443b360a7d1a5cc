import { z } from 'zod'
import { phases } from '../catalog/plan.ts'
import type { Command } from '../commands/command.ts'
import { commandChanges } from '../commands/next-steps.ts'
import { listOutput, type StepView } from '../commands/progress.ts'
import type { Plan } from '../catalog/plan.ts'
import type { Db } from '../db/database.ts'
import { withoutSecrets } from '../deployments/contract.ts'
import { nameOf } from '../deployments/needs.ts'

const phase = z.enum(phases)
const state = z.enum(['waiting', 'running', 'done', 'failed'])
const time = z.iso.datetime()

export const commandView = z
  .object({
    id: z.int(),
    plan: z.string(),
    instance: z.string().describe('which of several of the plan; empty for the only one'),
    phase,
    status: z.int().describe('0 initiated, 1 pending, 5 completed, 8 removed, 9 failed'),
    state,
    account: z.string().optional(),
    params: z.record(z.string(), z.unknown()),
    requestedBy: z.string(),
    message: z.string().optional().describe('the outcome, or why it waits'),
    waitsFor: z
      .object({ command: z.int(), plan: z.string(), instance: z.string(), phase, since: time })
      .optional()
      .describe('the order that must end before this one begins'),
    undoOf: z.int().optional(),
    issuedBy: z
      .int()
      .optional()
      .describe('the order of which a step placed this one; that one lasts as long as this one'),
    createdAt: time,
    startedAt: time.optional(),
    endedAt: time.optional(),
  })
  .meta({ id: 'Command' })

export const stepView = z
  .object({
    step: z.string(),
    action: z.string(),
    state,
    task: z.int(),
    does: z.enum(['ensure', 'remove']).describe('whether it makes sure of the thing, or takes it away'),
    attempts: z.int(),
    waiting: z.string().optional().describe('what it waits for right now'),
    waitingSince: time.optional(),
    durationMs: z.int().optional(),
    message: z.string().optional(),
    startedAt: time.optional(),
    endedAt: time.optional(),
    output: z.array(z.string()).describe('secrets masked'),
  })
  .meta({ id: 'Step' })

export const commandDetails = commandView
  .extend({
    steps: z.array(stepView),
    may: z.array(z.enum(commandChanges)).describe('what the caller may do with it as it stands'),
    undoes: z
      .array(z.string())
      .describe('steps that an undo would take back if it failed, in this order; none: what was there before stays'),
  })
  .meta({ id: 'CommandDetails' })

export interface CommandFacts {
  readonly account?: string | undefined
  readonly plan?: Plan | undefined
  readonly before?: Command | undefined
}

export function showCommand(command: Command, facts: CommandFacts): z.infer<typeof commandView> {
  const { account, before } = facts
  const { id, plan, instance, phase, status, state, params, requestedBy } = command
  return {
    id,
    plan,
    instance,
    phase,
    status,
    state,
    params: withoutSecrets(params, facts.plan),
    requestedBy,
    createdAt: iso(command.createdAt),
    ...(account === undefined ? {} : { account }),
    ...(command.message === undefined ? waitingMessage(before) : { message: command.message }),
    ...(before === undefined ? {} : { waitsFor: waitsFor(before) }),
    ...(command.undoOf === undefined ? {} : { undoOf: command.undoOf }),
    ...(command.issuedBy === undefined ? {} : { issuedBy: command.issuedBy }),
    ...(command.startedAt === undefined ? {} : { startedAt: iso(command.startedAt) }),
    ...(command.endedAt === undefined ? {} : { endedAt: iso(command.endedAt) }),
  }
}

function waitsFor({ id, plan, instance, phase, createdAt, startedAt }: Command) {
  return { command: id, plan, instance, phase, since: iso(startedAt ?? createdAt) }
}

function waitingMessage(before: Command | undefined): { message?: string } {
  if (before === undefined) return {}
  return { message: `waits until command ${before.id} (${before.phase} of ${nameOf(before)}) has ended` }
}

export async function showStep(db: Db, view: StepView, now: number) {
  const output = await listOutput(db, view.task, { limit: 1000 })
  return { ...showProgress(view, now), output: output.map((line) => line.line) }
}

/** A step without its output. */
export function showProgress({ task, step, action, state, does, attempts, ...rest }: StepView, now: number) {
  return {
    task,
    does,
    ...(rest.waitingSince === undefined ? {} : { waitingSince: iso(rest.waitingSince) }),
    ...(rest.startedAt === undefined ? {} : { durationMs: Math.max(0, (rest.endedAt ?? now) - rest.startedAt) }),
    step,
    action,
    state,
    attempts,
    ...(rest.waiting === undefined ? {} : { waiting: rest.waiting }),
    ...(rest.message === undefined ? {} : { message: rest.message }),
    ...(rest.startedAt === undefined ? {} : { startedAt: iso(rest.startedAt) }),
    ...(rest.endedAt === undefined ? {} : { endedAt: iso(rest.endedAt) }),
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
