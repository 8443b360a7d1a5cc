import { Status, type StatusCode } from '../base/status.ts'
import type { Phase, Values } from '../catalog/plan.ts'
import type { Row } from '../db/database.ts'

/** An order: a plan, what to do with it, for whom. */
export interface Command {
  readonly id: number
  readonly plan: string
  /** Which of several deployments of the plan; empty for the only one. */
  readonly instance: string
  readonly phase: Phase
  readonly params: Values
  /** Account it is for; undefined for the site's own commands. */
  readonly subject: number | undefined
  readonly requestedBy: string
  readonly status: StatusCode
  readonly state: CommandState
  /** The failed command whose steps this removal takes back. */
  readonly undoOf: number | undefined
  /** The command of which a step ordered this one. */
  readonly issuedBy: number | undefined
  /** Outcome in one line, or why it waits. */
  readonly message: string | undefined
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly endedAt: number | undefined
}

export type CommandState = 'waiting' | 'running' | 'done' | 'failed'

export function toCommand(row: Row<'commands'>): Command {
  return {
    id: row.id,
    plan: row.plan,
    instance: row.instance,
    phase: row.phase,
    params: JSON.parse(row.params) as Values,
    subject: row.subject ?? undefined,
    requestedBy: row.requested_by,
    status: row.status,
    state: stateOf(row.status),
    undoOf: row.undo_of ?? undefined,
    issuedBy: row.issued_by ?? undefined,
    message: row.message ?? undefined,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
  }
}

export function stateOf(status: StatusCode): CommandState {
  switch (status) {
    case Status.initiated:
      return 'waiting'
    case Status.pending:
      return 'running'
    case Status.completed:
    case Status.removed:
      return 'done'
    case Status.failed:
      return 'failed'
  }
}

export function hasEnded(command: Pick<Command, 'state'>): boolean {
  return command.state === 'done' || command.state === 'failed'
}

/** What is done one after the other: an account's orders, or those for one plan of the site. */
export function laneOf(order: { readonly subject?: number; readonly plan: string }): string {
  return order.subject === undefined ? `plan:${order.plan}` : `account:${order.subject}`
}
