import type { Preview } from './port.ts'

/** A line of `tofu … -json`. */
export interface TerraformEvent {
  readonly '@level'?: string
  readonly '@message'?: string
  readonly type?: string
  readonly diagnostic?: Diagnostic
  readonly hook?: {
    readonly resource?: { readonly addr?: string }
    readonly action?: string
    readonly elapsed_seconds?: number
  }
}

export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  readonly summary: string
  readonly detail?: string
  readonly address?: string
}

/** What people see of a run's line, and what it waits for. */
export interface EventText {
  readonly line?: string
  readonly waiting?: string
  readonly diagnostic?: Diagnostic
}

const SHOWN = new Set([
  'apply_start',
  'apply_complete',
  'apply_errored',
  'planned_change',
  'resource_drift',
  'change_summary',
  'provision_progress',
])

/** Pure: one JSON line to what it says. Anything that is no JSON is shown as it is. */
export function readEvent(text: string): EventText {
  const event = parse(text)
  if (event === undefined) return text.trim() === '' ? {} : { line: text }
  if (event.diagnostic !== undefined)
    return { line: describeDiagnostic(event.diagnostic), diagnostic: event.diagnostic }
  const line = event['@message'] ?? ''
  if (event.type === 'apply_progress') {
    return {
      waiting: `${event.hook?.action ?? 'apply'} of ${event.hook?.resource?.addr ?? 'a resource'}, ${event.hook?.elapsed_seconds ?? 0} s so far`,
    }
  }
  return event.type !== undefined && SHOWN.has(event.type) ? { line } : {}
}

export function describeDiagnostic(diagnostic: Diagnostic): string {
  const where = diagnostic.address === undefined ? '' : `${diagnostic.address}: `
  const detail =
    diagnostic.detail === undefined || diagnostic.detail === ''
      ? ''
      : `: ${diagnostic.detail.replaceAll(/\s*\n\s*/g, ' ').trim()}`
  return `${where}${diagnostic.summary}${detail}`
}

interface ShownPlan {
  readonly resource_changes?: readonly {
    readonly address: string
    readonly mode?: string
    readonly type?: string
    readonly action_reason?: string
    readonly change: { readonly actions: readonly string[] }
  }[]
  readonly resource_drift?: readonly { readonly address: string }[]
  readonly output_changes?: Readonly<Record<string, { readonly actions: readonly string[] }>>
}

/** Pure: `tofu show -json <plan>` to what it would do. */
export function previewOf(json: string): Preview {
  const shown = JSON.parse(json) as ShownPlan
  const changes = (shown.resource_changes ?? []).filter((one) => one.mode !== 'data')
  const having = (wanted: string): readonly string[] =>
    changes.filter((one) => one.change.actions.join('+') === wanted).map((one) => one.address)
  const unfinished = changes.filter(isUnfinished).map((one) => one.address)
  return {
    creates: having('create'),
    changes: having('update'),
    replaces: [...having('delete+create'), ...having('create+delete')],
    deletes: having('delete'),
    outputs: Object.entries(shown.output_changes ?? {})
      .filter(([, change]) => !change.actions.includes('no-op'))
      .map(([name]) => name),
    drifted: (shown.resource_drift ?? []).map((one) => one.address),
    ...(unfinished.length === 0 ? {} : { unfinished }),
  }
}

/**
 * A Rancher cluster goes on coming up after its creation failed: machines are tried again, and other pools are taken in
 * place. To throw it away, as Terraform does with what it did not see finished, would begin all anew.
 */
const CONTINUED = new Set(['rancher2_cluster_v2'])

/** Pure: `tofu show -json <plan>` to what is there, comes up by itself, and would be thrown away because it was late. */
export function continuedOf(json: string): readonly string[] {
  const changes = (JSON.parse(json) as ShownPlan).resource_changes ?? []
  return changes.filter((one) => isUnfinished(one) && CONTINUED.has(one.type ?? '')).map((one) => one.address)
}

function isUnfinished(change: { readonly action_reason?: string }): boolean {
  return change.action_reason === 'replace_because_tainted'
}

function parse(text: string): TerraformEvent | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as TerraformEvent
  } catch {
    // A provider that prints to standard output: shown as text.
    return undefined
  }
}
