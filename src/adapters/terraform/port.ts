/** What applying would do, by resource address. */
export interface Preview {
  readonly creates: readonly string[]
  readonly changes: readonly string[]
  /** Deleted and created anew. */
  readonly replaces: readonly string[]
  readonly deletes: readonly string[]
  /** Names of outputs whose value would change. */
  readonly outputs: readonly string[]
  /** Addresses that were changed or lost outside since the last apply. */
  readonly drifted: readonly string[]
  /** Addresses of what the state held before: looked up outside, whatever becomes of it. */
  readonly held: readonly string[]
  /** What would change in the state alone: taken in, renamed or forgotten. */
  readonly stateOnly?: readonly string[]
  /** What has another address now by a `moved` block, changed or not. */
  readonly moved?: readonly { readonly from: string; readonly to: string }[]
  /** Of those that would be replaced: what an earlier run began and did not finish, so that nobody used it yet. */
  readonly unfinished?: readonly string[]
}

export interface TerraformRun {
  readonly signal?: AbortSignal | undefined
  /** One line per event, for people. */
  readonly output?: ((line: string) => void) | undefined
  /** What is being waited for: a resource that takes its time, a lock. */
  readonly waiting?: ((reason: string | undefined) => void) | undefined
  /** Added to the programs' environment, for example providers' credentials. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

export interface PreviewOptions extends TerraformRun {
  /** What removing everything would do. */
  readonly destroy?: boolean
}

/** File of a root with settings of its backend, where they don't stand in the root. Holds no secret. */
export const backendFile = 'backend.tfbackend.json'

/**
 * Terraform or OpenTofu. A root is a folder with its configuration; one process works on a root at a time.
 *
 * Errors carry the program's summary as cause and its diagnostics in `details.diagnostics`:
 * `invalid/terraform-invalid` (configuration or provider's answer), `unavailable/terraform-failed` (applying failed; what was
 * done is in the state and the next apply continues), `unavailable/terraform-locked` (somebody else holds the state),
 * `unavailable/terraform-init-failed` (provider or backend can't be had), `conflict/preview-stale` (the state moved on),
 * `unavailable/state-not-written` (the backend did not take the state: it is kept beside the root, and the next call brings
 * it in first),
 * and what a cloud refuses: `forbidden/cloud-quota`, `unauthenticated/cloud-credentials`, `forbidden/cloud-forbidden`,
 * `conflict/cloud-protected`, `conflict/cloud-name-taken`, `invalid/cloud-refused`, and those that may pass
 * (`unavailable`): `cloud-rate-limit`, `cloud-capacity`, `cloud-timeout`. Their message and `details.right` say what to do.
 */
export interface Terraform {
  /** What is different, looked up for real. Kept in the root for `apply` until the next preview. */
  preview(root: string, options?: PreviewOptions): Promise<Preview>
  /**
   * Does exactly what the last preview of this root showed, `destroy` included. Resolves with the outputs after it, without
   * those that are sensitive.
   */
  apply(root: string, run?: TerraformRun): Promise<Readonly<Record<string, unknown>>>
  /** Values by name; sensitive ones too. */
  outputs(root: string, run?: TerraformRun): Promise<Readonly<Record<string, unknown>>>
  /** Addresses of what the state holds; empty when there is none. */
  resources(root: string, run?: TerraformRun): Promise<readonly string[]>
}

export function isEmpty(preview: Preview): boolean {
  const { creates, changes, replaces, deletes, outputs, stateOnly = [] } = preview
  return [creates, changes, replaces, deletes, outputs, stateOnly].every((part) => part.length === 0)
}

/** For people: `3 to create, 1 to change (a.b)`. */
export function describePreview(preview: Preview): string {
  const part = (names: readonly string[], word: string): string[] =>
    names.length === 0
      ? []
      : [`${names.length} to ${word} (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''})`]
  const parts = [
    ...part(preview.creates, 'create'),
    ...part(preview.changes, 'change'),
    ...part(preview.replaces, 'replace'),
    ...part(preview.deletes, 'delete'),
    ...part(preview.stateOnly ?? [], 'note in the state'),
  ]
  if (parts.length > 0) return parts.join(', ')
  return preview.outputs.length > 0 ? `outputs change (${preview.outputs.join(', ')})` : 'nothing to do'
}
