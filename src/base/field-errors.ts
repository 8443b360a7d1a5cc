import { AppError, type ErrorDetails } from './errors.ts'

/** One field that can't be used as it is. `value` is never a secret. */
export interface FieldError {
  readonly field: string
  readonly value?: unknown
  readonly problem: string
}

/** The fields that an error is about, in whichever way it names them. */
export function fieldErrorsOf(details: ErrorDetails | undefined): readonly FieldError[] {
  if (details === undefined) return []
  if (Array.isArray(details['errors'])) return details['errors'] as FieldError[]
  const { field, value, right } = details
  if (typeof field !== 'string') return []
  return [
    {
      field,
      ...(value === undefined ? {} : { value }),
      problem: typeof right === 'string' ? `right is ${right}` : 'is wrong',
    },
  ]
}

/** One error for all of them. */
export function fieldsInvalid(errors: readonly FieldError[]): AppError {
  const text = errors.map(({ field, problem }) => `${field}: ${problem}`).join('; ')
  return new AppError('invalid', 'request-invalid', `the request can't be used: ${text}`, { details: { errors } })
}

/** Runs every check, so that somebody with three mistakes learns of three; one mistake keeps its own code. */
export function checkAll(...checks: readonly (() => unknown)[]): void {
  const failed = checks.flatMap((check) => failureOf(check) ?? [])
  const [first, ...others] = failed
  if (first === undefined) return
  throw others.length === 0 ? first : fieldsInvalid(failed.flatMap((error) => fieldErrorsOf(error.details)))
}

function failureOf(check: () => unknown): AppError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof AppError && fieldErrorsOf(error.details).length > 0) return error
    throw error
  }
}
