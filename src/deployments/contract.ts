import { z } from 'zod'
import { Status } from '../base/status.ts'
import { type Plan, phases, type Values } from '../catalog/plan.ts'
import type { DeploymentRow } from './store.ts'

export const deploymentStates = ['pending', 'active', 'suspended', 'failed', 'removing', 'removed'] as const
export type DeploymentState = (typeof deploymentStates)[number]

const time = z.iso.datetime()

export const deploymentView = z
  .object({
    id: z.int(),
    account: z.string().optional(),
    plan: z.string(),
    instance: z.string().describe('tells several of one plan apart; empty for the only one'),
    status: z.int().describe('0 initiated, 1 pending, 5 completed, 8 removed, 9 failed'),
    state: z.enum(deploymentStates),
    params: z.record(z.string(), z.unknown()).describe('what was delivered last; secret ones are not shown'),
    message: z.string().optional().describe('why it failed'),
    serves: z.boolean().describe('whether it can be used, also while it is changed'),
    createdAt: time,
    updatedAt: time,
    suspendedAt: time.optional(),
    command: z
      .object({ id: z.int(), phase: z.enum(phases), state: z.enum(['waiting', 'running', 'done', 'failed']) })
      .optional()
      .describe('the newest order of it'),
  })
  .meta({ id: 'Deployment' })

export function showDeployment(
  row: DeploymentRow,
  account: string | undefined,
  plan: Plan | undefined,
): z.infer<typeof deploymentView> {
  const { id, plan: name, instance, status, message, suspendedAt } = row
  return {
    id,
    plan: name,
    instance,
    status,
    state: stateOf(row),
    params: withoutSecrets(row.params, plan),
    serves: row.readyAt !== undefined && suspendedAt === undefined,
    createdAt: new Date(row.createdAt).toISOString(),
    updatedAt: new Date(row.updatedAt).toISOString(),
    ...(account === undefined ? {} : { account }),
    ...(message === undefined ? {} : { message }),
    ...(suspendedAt === undefined ? {} : { suspendedAt: new Date(suspendedAt).toISOString() }),
  }
}

/** What holds of it right now, in one word. */
function stateOf({ status, readyAt, params, suspendedAt }: DeploymentRow): DeploymentState {
  switch (status) {
    case Status.failed:
      return 'failed'
    case Status.removed:
      return 'removed'
    case Status.completed:
      return suspendedAt === undefined ? 'active' : 'suspended'
    case Status.initiated:
    case Status.pending:
      // Delivered before, and not served any more.
      return readyAt === undefined && Object.keys(params).length > 0 ? 'removing' : 'pending'
  }
}

/** As people are shown parameters. */
export function withoutSecrets(params: Values, plan: Plan | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, plan?.secrets.includes(name) === true ? '******' : value]),
  )
}
