import { z } from 'zod'
import { phases } from '../catalog/plan.ts'
import type { Command } from '../commands/command.ts'
import { listOutput, type StepView } from '../commands/progress.ts'
import type { Db } from '../db/database.ts'

const phase = z.enum(phases)
const state = z.enum(['waiting', 'running', 'done', 'failed'])
const time = z.iso.datetime()

export const commandView = z
  .object({
    id: z.int(),
    plan: z.string(),
    phase,
    status: z.int().describe('0 initiated, 1 pending, 5 completed, 8 removed, 9 failed'),
    state,
    account: z.string().optional(),
    params: z.record(z.string(), z.unknown()),
    requestedBy: z.string(),
    message: z.string().optional().describe('the outcome, or why it waits'),
    undoOf: z.int().optional(),
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
    attempts: z.int(),
    waiting: z.string().optional().describe('what it waits for right now'),
    message: z.string().optional(),
    startedAt: time.optional(),
    endedAt: time.optional(),
    output: z.array(z.string()).describe('secrets masked'),
  })
  .meta({ id: 'Step' })

export const commandDetails = commandView.extend({ steps: z.array(stepView) }).meta({ id: 'CommandDetails' })

export function showCommand(command: Command, account: string | undefined): z.infer<typeof commandView> {
  const { id, plan, phase, status, state, params, requestedBy } = command
  return {
    id,
    plan,
    phase,
    status,
    state,
    params: { ...params },
    requestedBy,
    createdAt: iso(command.createdAt),
    ...(account === undefined ? {} : { account }),
    ...(command.message === undefined ? {} : { message: command.message }),
    ...(command.undoOf === undefined ? {} : { undoOf: command.undoOf }),
    ...(command.startedAt === undefined ? {} : { startedAt: iso(command.startedAt) }),
    ...(command.endedAt === undefined ? {} : { endedAt: iso(command.endedAt) }),
  }
}

export async function showStep(db: Db, { task, step, action, state, attempts, ...rest }: StepView) {
  const output = await listOutput(db, task, { limit: 1000 })
  return {
    step,
    action,
    state,
    attempts,
    output: output.map((line) => line.line),
    ...(rest.waiting === undefined ? {} : { waiting: rest.waiting }),
    ...(rest.message === undefined ? {} : { message: rest.message }),
    ...(rest.startedAt === undefined ? {} : { startedAt: iso(rest.startedAt) }),
    ...(rest.endedAt === undefined ? {} : { endedAt: iso(rest.endedAt) }),
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
