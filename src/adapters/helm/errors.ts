import { AppError } from '../../base/errors.ts'
import type { RunResult } from '../process/run.ts'

const MEANINGS: readonly { text: RegExp; kind: 'invalid' | 'conflict' | 'unavailable' | 'forbidden'; code: string }[] =
  [
    { text: /another operation \(.*\) is in progress/, kind: 'conflict', code: 'release-busy' },
    { text: /is forbidden: User|Unauthorized/, kind: 'forbidden', code: 'helm-forbidden' },
    {
      text: /cluster unreachable|connection refused|i\/o timeout|no such host/i,
      kind: 'unavailable',
      code: 'helm-unreachable',
    },
    {
      text: /don't meet the specifications of the schema|execution error at|template: |parse error|Chart\.ya?ml|path .* not found|YAML parse/i,
      kind: 'invalid',
      code: 'chart-invalid',
    },
    {
      text: / is invalid: |typed patch object|field not declared|no matches for kind|unable to build kubernetes objects/,
      kind: 'invalid',
      code: 'release-refused',
    },
  ]

/** Of a rollback: the release or that revision of it is not kept. */
export function isUnknownRevision(result: RunResult): boolean {
  return result.exitCode !== 0 && /release: not found|release has no .* version|no revision/.test(result.stderr)
}

/** What a failed helm means; its own text is the cause. */
export function helmError(attempted: string, result: RunResult): AppError {
  const text = result.stderr
    .split('\n')
    .filter((line) => !line.startsWith('level='))
    .join('\n')
    .replace(/^Error: /, '')
    .trim()
  const cause = new Error(text === '' ? `helm ended with ${result.exitCode ?? 'a signal'}` : text)
  const meaning = MEANINGS.find((one) => one.text.test(text))
  return new AppError(meaning?.kind ?? 'unavailable', meaning?.code ?? 'release-failed', attempted, { cause })
}
