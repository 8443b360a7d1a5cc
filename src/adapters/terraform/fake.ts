import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../../base/errors.ts'
import type { Preview, Terraform } from './port.ts'

type Bodies = Readonly<Record<string, unknown>>

export interface FakeTerraformOptions {
  /** Outputs of a root after an apply, for values that a cloud would have made up. */
  readonly outputs?: (root: string) => Readonly<Record<string, unknown>>
}

export interface FakeTerraform extends Terraform {
  /** As if somebody had removed it outside. */
  lose(root: string, address: string): void
  /** The next apply fails like this, after having done nothing. */
  failNextApply(error: AppError): void
  /** Names of the roots that hold resources. */
  filledRoots(): readonly string[]
}

/** Keeps a state per root in memory: resources and modules of the root's `*.tf.json` files, compared by their text. */
export function createFakeTerraform(options: FakeTerraformOptions = {}): FakeTerraform {
  const states = new Map<string, { resources: Bodies; outputs: Bodies }>()
  const previews = new Map<string, { destroy: boolean }>()
  let failure: AppError | undefined
  const state = (root: string): { resources: Bodies; outputs: Bodies } =>
    states.get(root) ?? { resources: {}, outputs: {} }

  return {
    preview: async (root, { destroy = false, signal } = {}) => {
      signal?.throwIfAborted()
      const wanted = destroy ? { resources: {}, outputs: {} } : await readRoot(root, options)
      previews.set(root, { destroy })
      return compare(state(await stateOf(root)), wanted)
    },
    apply: async (root, running) => {
      const preview = previews.get(root)
      if (preview === undefined)
        throw new AppError('conflict', 'preview-stale', `applying of ${root}: there is no preview`)
      previews.delete(root)
      const thrown = failure
      failure = undefined
      if (thrown !== undefined) throw thrown
      running?.output?.(preview.destroy ? 'Destruction complete' : 'Creation complete')
      if (preview.destroy) states.delete(root)
      else states.set(root, await readRoot(root, options))
      return state(root).outputs
    },
    outputs: async (root) => state(root).outputs,
    resources: async (root) => Object.keys(state(root).resources),
    lose: (root, address) => {
      const { [address]: _lost, ...resources } = state(root).resources
      states.set(root, { ...state(root), resources })
    },
    failNextApply: (error) => {
      failure = error
    },
    filledRoots: () =>
      [...states].filter(([, { resources }]) => Object.keys(resources).length > 0).map(([root]) => basename(root)),
  }
}

function compare(
  before: { resources: Bodies; outputs: Bodies },
  wanted: { resources: Bodies; outputs: Bodies },
): Preview {
  const differing = (from: Bodies, to: Bodies): string[] =>
    [...new Set([...Object.keys(from), ...Object.keys(to)])].filter((name) => !isDeepStrictEqual(from[name], to[name]))
  const names = differing(before.resources, wanted.resources)
  return {
    creates: names.filter((name) => !(name in before.resources)),
    changes: names.filter((name) => name in before.resources && name in wanted.resources),
    replaces: [],
    deletes: names.filter((name) => !(name in wanted.resources)),
    outputs: differing(before.outputs, wanted.outputs),
    drifted: [],
    held: Object.keys(before.resources),
  }
}

/** What a module is given counts, too; where it lies does not. */
async function moduleOf(root: string, body: unknown): Promise<unknown> {
  const text = await readFile(join(root, 'terraform.tfvars.json'), 'utf8').catch(() => '{}')
  const { source: _place, ...rest } = body as Readonly<Record<string, unknown>>
  return { ...rest, variables: JSON.parse(text) as unknown }
}

/** A state file beside a root may say that it is another root's. */
async function stateOf(root: string): Promise<string> {
  const text = await readFile(join(root, 'terraform.tfstate'), 'utf8').catch(() => '{}')
  const { of = root } = JSON.parse(text) as { of?: string }
  return of
}

interface RootFile {
  readonly resource?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly module?: Readonly<Record<string, unknown>>
  readonly output?: Readonly<Record<string, { readonly value?: unknown }>>
}

async function readRoot(root: string, options: FakeTerraformOptions): Promise<{ resources: Bodies; outputs: Bodies }> {
  const names = await readdir(root).catch(() => {
    throw new AppError('invalid', 'terraform-invalid', `the Terraform root ${root} is not a folder`)
  })
  const resources: Record<string, unknown> = {}
  const outputs: Record<string, unknown> = {}
  for (const name of names.filter((one) => one.endsWith('.tf.json')).toSorted()) {
    const file = JSON.parse(await readFile(join(root, name), 'utf8')) as RootFile
    for (const [type, bodies] of Object.entries(file.resource ?? {})) {
      for (const [label, body] of Object.entries(bodies)) resources[`${type}.${label}`] = body
    }
    for (const [label, body] of Object.entries(file.module ?? {}))
      resources[`module.${label}`] = await moduleOf(root, body)
    for (const [label, output] of Object.entries(file.output ?? {})) outputs[label] = output.value
  }
  return { resources, outputs: { ...outputs, ...options.outputs?.(root) } }
}
