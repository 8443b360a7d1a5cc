import type { z } from 'zod'

/** Something outside, by the system that it lies in. */
export interface Thing {
  readonly system: 'mongodb' | 'rabbitmq' | 'jupyterhub' | 'kubernetes' | 'helm' | 'terraform'
  /** `user`, `database`, `vhost`, `queue`, `exchange`, `release`, `root`, or a kind of Kubernetes such as `v1/Secret`. */
  readonly kind: string
  /** As its system has it; in a namespace `<namespace>/<name>`, on a vhost `<vhost>/<name>`. */
  readonly name: string
}

/** What is outside, compared with what an input asks for. `unknown`: it could not be looked at; never treated as absent. */
export type ObservedState = 'present' | 'absent' | 'different' | 'unknown'

export interface Observation {
  readonly state: ObservedState
  /** In words, for people: which part differs, what is still there. Never a secret. */
  readonly detail?: string
}

export interface Outcome {
  /** False: it was already as wanted. */
  readonly changed: boolean
  /** One line for people, such as "already as wanted". Never a secret. */
  readonly message: string
  /** Values that later steps use as `${steps.<step>.<name>}`. Stored encrypted with the task. */
  readonly outputs?: Readonly<Record<string, unknown>>
}

/** What an action gets besides its input. */
export interface ActionContext {
  /** The running task; `fencing` grows with every claim: pass it on where the outside world can compare it. */
  readonly task: { readonly id: number; readonly command: number; readonly step: string; readonly fencing: number }
  /** Aborted when the lease is lost, the command is cancelled or the engine stops. Stop soon; do not undo. */
  readonly signal: AbortSignal
  /** Appends a line to the task's output. Known secrets are masked. */
  output(line: string): void
  /**
   * Says what is being waited for, shown until the next call; `undefined` when nothing is. Who does nothing meanwhile but look
   * now and then says `idle`: another task has the place until the next call.
   */
  waiting(reason: string | undefined, how?: { readonly idle: boolean }): void
}

/**
 * What a task can do. All three may be repeated at any time, also by another process after a crash in the middle.
 * Failures are `AppError`s: `unavailable` is tried again with back-off, everything else fails the task.
 */
export interface Action<Input> {
  /** As plans write it, for example `helm-release`. */
  readonly name: string
  readonly input: z.ZodType<Input>
  /** Names of what would collide, for example `helm:omegaml-services/system`. Two tasks never hold the same lock. */
  locks(input: Input): readonly string[]
  /**
   * What lies outside because of this input, and goes with its removal: whatever is found there and no input of a live
   * deployment names is an orphan. Left out by actions that leave nothing behind.
   */
  things?(input: Input): readonly Thing[] | Promise<readonly Thing[]>
  /** Looks only. */
  observe(input: Input, context: ActionContext): Promise<Observation>
  /** Looks, does what is missing, and ends with the thing as wanted. */
  ensure(input: Input, context: ActionContext): Promise<Outcome>
  /** Takes it away. The engine believes it only when `observe` says absent. */
  remove(input: Input, context: ActionContext): Promise<Outcome>
}
