import type { Action } from '../actions/action.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Plans, Values } from '../catalog/plan.ts'
import type { Command } from '../commands/command.ts'
import type { Db, Tx } from '../db/database.ts'

/** What placeholders of a command may name, and which of it never appears in output. */
export interface CommandContext {
  readonly values: Values
  readonly secrets: readonly string[]
}

export interface EngineDeps {
  readonly db: Db
  // oxlint-disable-next-line typescript/no-explicit-any -- every action has its own input, checked by its schema
  readonly actions: readonly Action<any>[]
  readonly plans: Plans
  /** Asked when a command starts and before each task: reads rows, may fail with `unavailable`. */
  context(command: Command): Promise<CommandContext>
  /** Parameters of what was delivered last: they hold where a command says nothing else. */
  remembered?(command: Command): Promise<Values>
  /** In the transaction that makes the tasks. Throw to refuse the command. */
  prepare?(command: Command, tx: Tx): Promise<void>
  /** In the transaction that ends the command, well or not. */
  finished?(command: Command, tx: Tx): Promise<void>
  readonly clock: Clock
  readonly log: Log
  /** Encrypts what actions give to later steps; left out, it is stored as it is. */
  seal?(text: string): string
  unseal?(text: string): string
}

export interface EngineOptions {
  /** Tasks at work at the same time (default 8). */
  readonly concurrency?: number
  /** Tasks at the same time, with those that only wait for the outside (default 64). */
  readonly mostAtOnce?: number
  /** How long a task is safe from other engines without a heartbeat (default 30 s). */
  readonly leaseMs?: number
  /** The net under the wake-ups (default 5 s, spread by jitter). */
  readonly pollMs?: number
  /** How long `unavailable` is tried again, from the task's start (default 30 min). */
  readonly retryForMs?: number
  /** How long `stop` waits for tasks that don't heed their signal (default 20 s). */
  readonly stopGraceMs?: number
  /** No other engine uses this database: leases of a killed predecessor are void at once. */
  readonly exclusive?: boolean
}

export type EngineSettings = Required<EngineOptions> & { readonly owner: string }
