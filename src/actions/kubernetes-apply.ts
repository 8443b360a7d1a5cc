import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { Action, ActionContext, Thing } from './action.ts'
import { substitute } from './substitute.ts'
import { clearFailedJobs, waitForObjects } from './workloads.ts'

const manifest = z.looseObject({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  metadata: z.looseObject({ name: z.string().min(1), namespace: z.string().min(1).optional() }),
})

const input = z
  .strictObject({
    /** Objects in the order of their making; they are removed in the reverse order. */
    manifests: z.array(manifest).optional(),
    /** A YAML file of the catalogue's manifests folder instead, for example `account/namespace.yml`. */
    file: z
      .string()
      .regex(
        /^[a-z0-9][a-z0-9-]*(\/[a-z0-9][a-z0-9-]*)*\.ya?ml$/,
        'a file of catalog/manifests, such as account/namespace.yml',
      )
      .optional(),
    /** For the placeholders of the file. */
    values: z.record(z.string(), z.unknown()).default({}),
    /** `ready` or `complete`: the step ends when workloads serve, and Jobs are complete. */
    wait: z.enum(['none', 'ready', 'complete']).default('none'),
    timeoutSeconds: z.number().int().min(1).max(7200).default(300),
  })
  .refine((given) => (given.manifests === undefined) !== (given.file === undefined), 'give either manifests or file')

export type KubernetesApplyInput = z.infer<typeof input>

export interface KubernetesApplyParts {
  readonly kubernetes: Kubernetes
  readonly clock: Clock
  /** The catalogue's folder of manifests. */
  readonly manifests: string
}

/** Applies objects from the step itself or from a file of the catalogue. */
export function kubernetesApply(parts: KubernetesApplyParts): Action<KubernetesApplyInput> {
  const { kubernetes } = parts
  return {
    name: 'kubernetes-apply',
    input,
    locks: ({ manifests, file, values }) => {
      if (manifests !== undefined) return manifests.map((one) => `kubernetes:${describeRef(refOf(one as Manifest))}`)
      // Values may be secret, names are not.
      const name = [values['namespace'], values['account'], values['name']].find((one) => typeof one === 'string')
      return [`kubernetes:${file}${name === undefined ? '' : `:${name}`}`]
    },
    things: async (wanted) => (await manifestsOf(wanted, parts)).map(thingOf),
    observe: async (wanted) => {
      const states: { name: string; state: string }[] = []
      for (const object of await manifestsOf(wanted, parts)) {
        states.push({
          name: describeRef(refOf(object)),
          state: await kubernetes.compare(object).catch(absentWithNamespace),
        })
      }
      if (states.every(({ state }) => state === 'absent')) return { state: 'absent' }
      const others = states.filter(({ state }) => state !== 'present')
      if (others.length === 0) return { state: 'present' }
      return { state: 'different', detail: others.map(({ name, state }) => `${name} is ${state}`).join(', ') }
    },
    ensure: async (wanted, context) => {
      const objects = await manifestsOf(wanted, parts)
      await clearFailedJobs(objects, kubernetes, context)
      const done: string[] = []
      for (const object of objects) {
        context.signal.throwIfAborted()
        const applied = await applyOne(object, kubernetes, context)
        if (applied === 'unchanged') continue
        done.push(describeRef(refOf(object)))
        context.output(`${applied} ${describeRef(refOf(object))}`)
      }
      if (wanted.wait !== 'none') await waitForObjects(objects, wanted.timeoutSeconds * 1000, { ...parts, context })
      return { changed: done.length > 0, message: done.length > 0 ? `applied ${short(done)}` : 'already as wanted' }
    },
    remove: async (wanted, context) => {
      const removed: string[] = []
      for (const object of withoutContents(await manifestsOf(wanted, parts)).toReversed()) {
        const ref = refOf(object)
        const timeoutMs = wanted.timeoutSeconds * 1000
        if (
          !(await kubernetes.delete(ref, {
            signal: context.signal,
            timeoutMs,
            onWaiting: (reason) => context.waiting(reason, { idle: true }),
          }))
        )
          continue
        removed.push(describeRef(ref))
        context.output(`deleted ${describeRef(ref)}`)
      }
      context.waiting(undefined)
      return removed.length > 0
        ? { changed: true, message: `deleted ${removed.join(', ')}` }
        : { changed: false, message: 'already absent' }
    },
  }
}

/** A Job's template can't be changed: another one takes its place. */
async function applyOne(
  object: Manifest,
  kubernetes: Kubernetes,
  context: ActionContext,
): Promise<'created' | 'changed' | 'unchanged'> {
  try {
    return await kubernetes.apply(object)
  } catch (error) {
    const isImmutable =
      error instanceof AppError && error.cause instanceof Error && /immutable/.test(error.cause.message)
    if (object.kind !== 'Job' || !isImmutable) throw error
    await kubernetes.delete(refOf(object), { signal: context.signal })
    await kubernetes.apply(object)
    return 'changed'
  }
}

/** A namespace takes along what lies in it; taken away one by one, its policies would be gone while its pods still run. */
function withoutContents(objects: readonly Manifest[]): readonly Manifest[] {
  const namespaces = new Set(objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name))
  return objects.filter(({ metadata }) => metadata.namespace === undefined || !namespaces.has(metadata.namespace))
}

/** What lies in a namespace that is gone is gone. */
function absentWithNamespace(error: unknown): 'absent' {
  if (error instanceof AppError && error.kind === 'not-found') return 'absent'
  throw error
}

async function manifestsOf(
  wanted: KubernetesApplyInput,
  { manifests }: KubernetesApplyParts,
): Promise<readonly Manifest[]> {
  const found =
    wanted.file === undefined
      ? (wanted.manifests as readonly Manifest[])
      : await readManifests(join(manifests, wanted.file), wanted)
  return found.map(withLabel)
}

async function readManifests(path: string, { file = '', values }: KubernetesApplyInput): Promise<readonly Manifest[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid', 'manifest-missing', `reading ${file} of the catalogue's manifests`, { cause })
  })
  return parseAllDocuments(text)
    .map((document) => document.toJS() as unknown)
    .filter((content) => content !== null)
    .map((content, index) => checked(substitute(content, values, `${file}[${index}]`), file))
}

function checked(content: unknown, file: string): Manifest {
  const result = manifest.safeParse(content)
  if (result.success) return result.data as Manifest
  throw new AppError('invalid', 'manifest-invalid', `${file}: ${z.prettifyError(result.error)}`)
}

/** An object as something outside. */
export function thingOf({ apiVersion, kind, metadata: { namespace, name } }: Manifest): Thing {
  const full = namespace === undefined ? name : `${namespace}/${name}`
  return { system: 'kubernetes', kind: `${apiVersion}/${kind}`, name: full }
}

/** So that orphans can be found. */
function withLabel(object: Manifest): Manifest {
  return {
    ...object,
    metadata: { ...object.metadata, labels: { 'app.kubernetes.io/managed-by': 'cloudmgr', ...object.metadata.labels } },
  }
}

/** All of them are in the output. */
function short(names: readonly string[]): string {
  return names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
}
