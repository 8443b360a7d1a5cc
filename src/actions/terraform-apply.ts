import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import type { Preview, Terraform, TerraformRun } from '../adapters/terraform/port.ts'
import { describePreview, isEmpty } from '../adapters/terraform/port.ts'
import { AppError } from '../base/errors.ts'
import type { Action, ActionContext } from './action.ts'

const input = z.strictObject({
  /** Path of the root's folder, or its name below the site's folder of roots. */
  root: z.string().min(1),
  /** Files to write first, by name: `main.tf.json`, `terraform.tfvars.json`, … Left out: the folder is as it shall be. */
  files: z.record(z.string().regex(/^[\w.-]+\.json$/, 'only .json files'), z.unknown()).optional(),
  /** `refuse`: a preview that would delete or replace anything stops the step before it begins. Addresses: only these may go. */
  deletes: z.union([z.enum(['allow', 'refuse']), z.array(z.string())]).default('allow'),
  /** Outputs that somebody else changes: a preview in which one would change is not applied, because they did so meanwhile. */
  keeps: z.array(z.string()).optional(),
  /** Names of the outputs that later steps use; all when left out. */
  outputs: z.array(z.string()).optional(),
  /** Environment for the providers, for example credentials. */
  env: z.record(z.string(), z.string()).default({}),
})

export type TerraformApplyInput = z.infer<typeof input>

export interface TerraformApplyParts {
  readonly terraform: Terraform
  /** Makes a folder of a root's name; names are paths already when left out. */
  readonly roots?: (root: string) => string
  /** What must be done before things go that the preview deletes or makes anew, by their addresses. */
  readonly beforeDeletes?: BeforeDeletes | undefined
}

export type BeforeDeletes = (addresses: readonly string[], context: ActionContext) => Promise<void>

/** Previews, then applies exactly what was shown; a root without changes is left alone. */
export function terraformApply({
  terraform,
  roots = (root) => root,
  beforeDeletes,
}: TerraformApplyParts): Action<TerraformApplyInput> {
  return {
    name: 'terraform-apply',
    input,
    locks: ({ root }) => [`terraform:${roots(root)}`],
    observe: async (wanted, context) => {
      const root = roots(wanted.root)
      await writeFiles(root, wanted)
      const running = quietly(runOf(wanted, context))
      const preview = await terraform.preview(root, running)
      if (preview.held.length === 0) return { state: 'absent' }
      return isEmpty(preview) ? { state: 'present' } : { state: 'different', detail: describePreview(preview) }
    },
    ensure: async (wanted, context) => {
      const root = roots(wanted.root)
      const running = runOf(wanted, context)
      await writeFiles(root, wanted)
      const preview = await terraform.preview(root, running)
      const changed = !isEmpty(preview)
      let told: Readonly<Record<string, unknown>> = {}
      if (changed) {
        await refuseOthers(preview, wanted, async () => await terraform.outputs(root, quietly(running)))
        refuseDeletes(preview, wanted)
        context.output(describePreview(preview))
        const going = [...preview.deletes, ...preview.replaces]
        if (going.length > 0) await beforeDeletes?.(going, context)
        told = await terraform.apply(root, running)
      }
      // A program more only for what the apply did not tell: many roots are applied at once.
      const isTold = wanted.outputs?.every((name) => name in told) === true
      const outputs = pick(isTold ? told : await terraform.outputs(root, quietly(running)), wanted.outputs)
      refuseMissing(outputs, wanted)
      return { changed, message: changed ? describePreview(preview) : 'already as wanted', outputs }
    },
    remove: async (wanted, context) => {
      const root = roots(wanted.root)
      const running = runOf(wanted, context)
      await writeFiles(root, wanted)
      const preview = await terraform.preview(root, { ...running, destroy: true })
      // What the state holds and nobody finds any more is no change, but must leave the state.
      if (preview.held.length === 0) return { changed: false, message: 'already absent' }
      context.output(describePreview(preview))
      await terraform.apply(root, running)
      return { changed: true, message: describePreview(preview) }
    },
  }
}

function runOf(wanted: TerraformApplyInput, context: ActionContext): TerraformRun {
  return {
    signal: context.signal,
    env: wanted.env,
    output: (line) => context.output(line),
    waiting: (reason) => context.waiting(reason),
  }
}

/** For looking: errors still say everything. */
function quietly(running: TerraformRun): TerraformRun {
  return { ...running, output: undefined }
}

function refuseDeletes(preview: Preview, { root, deletes }: TerraformApplyInput): void {
  if (deletes === 'allow') return
  const allowed = deletes === 'refuse' ? [] : deletes
  const harmless = [...allowed, ...(preview.unfinished ?? [])]
  const refused = [...preview.deletes, ...preview.replaces].filter((address) => !harmless.includes(address))
  if (refused.length === 0) return
  throw new AppError(
    'conflict',
    'terraform-would-delete',
    `applying ${root} would delete ${refused.join(', ')}, which this step may not`,
    {
      details: { addresses: refused },
    },
  )
}

/** One that is not there yet may come. */
async function refuseOthers(
  preview: Preview,
  { root, keeps = [] }: TerraformApplyInput,
  present: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<void> {
  const touched = keeps.filter((name) => preview.outputs.includes(name))
  if (touched.length === 0) return
  const known = await present()
  const changed = touched.filter((name) => known[name] !== undefined)
  if (changed.length === 0) return
  const text = `applying ${root} would undo what somebody else did there meanwhile (${changed.join(', ')}): it is looked at again with the next try`
  throw new AppError('unavailable', 'terraform-changed-meanwhile', text, { details: { outputs: changed } })
}

/** A module that somebody changed; one whose output is null has none. */
function refuseMissing(outputs: Readonly<Record<string, unknown>>, { root, outputs: names = [] }: TerraformApplyInput) {
  const missing = names.filter((name) => outputs[name] === undefined)
  if (missing.length === 0) return
  const text = `the Terraform root ${root} gave no output ${missing.join(', ')}, which later steps need: its module must have it, and not null`
  throw new AppError('invalid', 'terraform-output-missing', text, { details: { outputs: missing } })
}

async function writeFiles(root: string, { files }: TerraformApplyInput): Promise<void> {
  if (files === undefined) return
  await mkdir(root, { recursive: true, mode: 0o700 })
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, basename(name))
    // Renamed into place: a crash never leaves half a root.
    await writeFile(`${path}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
    await rename(`${path}.new`, path)
  }
}

function pick(
  outputs: Readonly<Record<string, unknown>>,
  names: readonly string[] | undefined,
): Readonly<Record<string, unknown>> {
  if (names === undefined) return outputs
  return Object.fromEntries(names.map((name) => [name, outputs[name]]))
}
