import { AppError, type ErrorKind, explain } from '../base/errors.ts'

/** Documented in docs/cli.md and `--help`; scripts rely on them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  unavailable: 5,
  forbidden: 6,
  interrupted: 130,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const byKind: Readonly<Record<ErrorKind, ExitCode>> = {
  invalid: exitCodes.usage,
  unauthenticated: exitCodes.forbidden,
  forbidden: exitCodes.forbidden,
  'not-found': exitCodes.notFound,
  conflict: exitCodes.conflict,
  unavailable: exitCodes.unavailable,
  bug: exitCodes.failed,
}

export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof AppError ? byKind[error.kind] : exitCodes.failed
}

/** What to do about errors that say only what happened, by their code. */
const advice: Readonly<Record<string, string>> = {
  'no-answer': 'a site of this machine may be coming up or be down: ./cloudmgr status tells',
  'unexpected-answer': 'a site that is coming up answers so, too: ./cloudmgr status tells',
}

/** For people with what to do next; as one JSON object for programs. */
export function errorText(error: unknown, json: boolean): string {
  if (!json) {
    const next = error instanceof AppError ? advice[error.code] : undefined
    return `cloudmgr: ${explain(error)}${next === undefined ? '' : `\n  ${next}`}`
  }
  const app = error instanceof AppError ? error : undefined
  return JSON.stringify({
    error: {
      kind: app?.kind ?? 'bug',
      code: app?.code ?? 'unexpected',
      message: explain(error),
      details: app?.details,
    },
  })
}

export const exitCodeHelp = `Exit codes:
  0  done
  1  it was tried and failed
  2  wrong words, options or values
  3  there is no such thing
  4  something is in the way: taken, in use, being changed by somebody else
  5  something does not answer; trying again may help
  6  not signed in, or not allowed
  130  interrupted (Ctrl-C)`
