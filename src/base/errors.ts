/**
 * What the edges need to know of an error: HTTP picks a status from it, the engine whether a retry can help
 * (`unavailable` only), the CLI an exit code.
 */
export type ErrorKind = 'invalid' | 'unauthenticated' | 'forbidden' | 'not-found' | 'conflict' | 'unavailable' | 'bug'

/** Extra facts for the reader: the field, its value, what would be right. Never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/** The one error class. `code` is a stable word, `message` says what was being attempted, `cause` why it failed. */
export class AppError extends Error {
  readonly kind: ErrorKind
  readonly code: string
  readonly details: ErrorDetails | undefined

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    options: { cause?: unknown; details?: ErrorDetails } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.kind = kind
    this.code = code
    this.details = options.details
  }
}

/** The kind of anything that was thrown; what we did not foresee is a bug. */
export function kindOf(error: unknown): ErrorKind {
  return error instanceof AppError ? error.kind : 'bug'
}

/** The message and those of its causes, in one line, as people read it. */
export function explain(error: unknown): string {
  const parts: string[] = []
  for (let current = error; current !== undefined && current !== null; current = (current as Error).cause) {
    parts.push(current instanceof Error ? current.message : JSON.stringify(current))
  }
  return parts.filter((part, index) => part !== '' && parts.indexOf(part) === index).join(': ')
}

/** A value that must exist at this point. */
export function must<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AppError('bug', 'missing-value', `${what} is missing`)
  return value
}
