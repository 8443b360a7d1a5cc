import type { Preview } from './port.ts'

/** A line of `tofu … -json`. */
export interface TerraformEvent {
  readonly '@level'?: string
  readonly '@message'?: string
  readonly type?: string
  readonly diagnostic?: Diagnostic
  readonly change?: ChangeEvent
  readonly outputs?: Readonly<Record<string, OutputEvent>>
  /** Of the last resort: the state that could be written nowhere. */
  readonly state?: unknown
  readonly hook?: {
    readonly resource?: { readonly addr?: string }
    readonly action?: string
    readonly elapsed_seconds?: number
  }
}

interface ChangeEvent {
  readonly resource: { readonly addr: string; readonly resource_type?: string }
  readonly action: string
  /** Its address before, where a `moved` block of the configuration says that it is called otherwise now. */
  readonly previous_resource?: { readonly addr: string }
  /** Why it is replaced: `tainted` is what was made and not seen finished. */
  readonly reason?: string
}

interface OutputEvent {
  readonly sensitive?: boolean
  /** Of a preview. */
  readonly action?: string
  /** After an apply, of those that are not sensitive. */
  readonly value?: unknown
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
  /** A state that Terraform could write nowhere. Holds secrets. */
  readonly dumped?: string
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
  if (event.state !== undefined) return { dumped: JSON.stringify(event.state) }
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

/** Pure: what `tofu plan -json` printed to what it would do. The engine walks in no fixed order: addresses are sorted, so that one plan always reads the same. */
export function previewOf(printed: string): Preview {
  const events = eventsOf(printed)
  const changes = plannedChanges(events)
  const having = (wanted: string): readonly string[] =>
    changes
      .filter(({ action }) => action === wanted)
      .map(({ resource }) => resource.addr)
      .toSorted()
  const outputs = Object.entries(events.findLast(({ type }) => type === 'outputs')?.outputs ?? {})
  const looked = events.filter(({ type }) => type === 'refresh_start').map(({ hook }) => hook?.resource?.addr ?? '')
  const drifts = events.filter(({ type }) => type === 'resource_drift')
  const stateOnly = ['import', 'move', 'remove'].flatMap(having)
  const moved = changes
    .flatMap(({ resource, previous_resource: before }) =>
      before === undefined ? [] : [{ from: before.addr, to: resource.addr }],
    )
    .toSorted((a, b) => (a.to < b.to ? -1 : 1))
  const unfinished = changes.filter(isUnfinished).map(({ resource }) => resource.addr)
  return {
    creates: having('create'),
    changes: having('update'),
    replaces: having('replace'),
    deletes: having('delete'),
    outputs: outputs.filter(([, { action }]) => action !== 'noop').map(([name]) => name),
    drifted: drifts.flatMap(({ change }) => (change === undefined ? [] : [change.resource.addr])),
    held: looked.filter(isManaged),
    ...(stateOnly.length === 0 ? {} : { stateOnly }),
    ...(moved.length === 0 ? {} : { moved }),
    ...(unfinished.length === 0 ? {} : { unfinished }),
  }
}

/**
 * A Rancher cluster goes on coming up after its creation failed: machines are tried again, and other pools are taken in
 * place. To throw it away, as Terraform does with what it did not see finished, would begin all anew.
 */
const CONTINUED = new Set(['rancher2_cluster_v2'])

/** Pure: what `tofu plan -json` printed to what is there, comes up by itself, and would be thrown away because it was late. */
export function continuedOf(printed: string): readonly string[] {
  const late = plannedChanges(eventsOf(printed)).filter(isUnfinished)
  return late.filter(({ resource }) => CONTINUED.has(resource.resource_type ?? '')).map(({ resource }) => resource.addr)
}

function plannedChanges(events: readonly TerraformEvent[]): readonly ChangeEvent[] {
  return events.flatMap(({ type, change }) =>
    type === 'planned_change' && change !== undefined && isManaged(change.resource.addr) ? [change] : [],
  )
}

function isUnfinished({ action, reason }: ChangeEvent): boolean {
  return action === 'replace' && reason === 'tainted'
}

/** Pure: what `tofu apply -json` printed to the outputs that it told. */
export function outputsOf(printed: string): Readonly<Record<string, unknown>> {
  const told = Object.entries(eventsOf(printed).findLast(({ type }) => type === 'outputs')?.outputs ?? {})
  return Object.fromEntries(
    told.filter(([, { value }]) => value !== undefined).map(([name, { value }]) => [name, value]),
  )
}

function eventsOf(printed: string): readonly TerraformEvent[] {
  return printed.split('\n').flatMap((line) => parse(line) ?? [])
}

/** Whether it is an address of something that is made, not only looked up. */
export function isManaged(address: string): boolean {
  return address !== '' && !/(^|\.)data\./.test(address)
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
