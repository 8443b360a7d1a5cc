import { AppError } from '../../base/errors.ts'
import { cloudMeanings, type Meaning } from './cloud-meanings.ts'
import type { Diagnostic } from './events.ts'
import { describeDiagnostic } from './events.ts'

const MEANINGS: readonly Meaning[] = [
  {
    // Before all others: whatever else went wrong, what was done is noted in the root's folder only.
    text: /Failed to (save|persist|write) state|Error (saving|writing|persisting) state|failed to upload state/i,
    kind: 'unavailable',
    code: 'state-not-written',
  },
  {
    text: /Error acquiring the state lock|state (is )?(already )?locked/i,
    kind: 'unavailable',
    code: 'terraform-locked',
  },
  { text: /Saved plan is stale|Saved plan does not match/i, kind: 'conflict', code: 'preview-stale' },
  {
    text: /Failed to resolve provider packages|Could not resolve provider/i,
    kind: 'unavailable',
    code: 'terraform-init-failed',
    advice:
      'its provider can’t be fetched: what runs here must reach the registry that the cause names (for registry.opentofu.org also github.com); it is tried again',
  },
  {
    text: /Failed to query available provider packages|Failed to install provider|Could not load plugin|Error initializing the backend|Failed to get existing workspaces/i,
    kind: 'unavailable',
    code: 'terraform-init-failed',
  },
  // Before what is invalid: clouds' words may sound like Terraform's.
  ...cloudMeanings,
  {
    text: /Unsupported (argument|attribute|block)|Missing required argument|Invalid reference|Reference to undeclared|Argument or block definition required|Invalid .*(JSON|expression|resource|provider|value|type|variable)|Extraneous|Module not found|Unreadable module|Duplicate |No value for required variable|Incorrect attribute value type|Invalid attribute/i,
    kind: 'invalid',
    code: 'terraform-invalid',
  },
]

/** What the diagnostics of a failed run mean. Their words stay: summary and detail as cause, all of them in the details. */
export function terraformError(
  attempted: string,
  diagnostics: readonly Diagnostic[],
  rest: string,
  otherwise = 'terraform-failed',
): AppError {
  const errors = diagnostics.filter((one) => one.severity === 'error')
  const texts = errors.length > 0 ? errors.map(describeDiagnostic) : [rest.trim().slice(-2000)]
  const all = texts.join('\n')
  const meaning = MEANINGS.find((one) => one.text.test(all))
  const advice = meaning?.advice
  const message = advice === undefined ? attempted : `${attempted}: ${advice}`
  return new AppError(meaning?.kind ?? 'unavailable', meaning?.code ?? otherwise, message, {
    cause: new Error(texts.join('; ')),
    details: {
      diagnostics: errors.map(({ summary, detail, address }) => ({ summary, detail, address })),
      ...(advice === undefined ? {} : { right: advice }),
    },
  })
}

export function needsInit(error: unknown): boolean {
  if (!(error instanceof AppError) || !(error.cause instanceof Error)) return false
  return /(tofu|terraform) init|Module not installed|Inconsistent dependency lock file|Required plugins are not installed|Backend initialization required/i.test(
    error.cause.message,
  )
}
