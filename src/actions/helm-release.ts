import { join } from 'node:path'
import { z } from 'zod'
import type { Helm, Release, ReleaseRecord } from '../adapters/helm/port.ts'
import { nextAction } from './next-action.ts'
import { releaseState } from './release-state.ts'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { mergeTrees } from '../base/merge.ts'
import type { Action, ActionContext } from './action.ts'
import { clearFailedJobs, endingPods, isSelfRemoving, waitForObjects } from './workloads.ts'

const input = z.strictObject({
  release: z
    .string()
    .regex(
      /^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$/,
      'a release is named by up to 53 lower-case letters, digits and hyphens',
    ),
  namespace: z
    .string()
    .regex(
      /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
      'a namespace is named by up to 63 lower-case letters, digits and hyphens',
    ),
  /** Name of a folder in the charts folder. */
  chart: z.string().regex(/^[a-z0-9][-a-z0-9]*$/, 'a chart is the name of a folder in charts/'),
  values: z.record(z.string(), z.unknown()).default({}),
  /** Win over `values`, key by key: what somebody else says of the same release. */
  over: z.record(z.string(), z.unknown()).optional(),
  /** Whether the step ends only when every workload is ready. */
  wait: z.boolean().default(true),
  createNamespace: z.boolean().default(true),
  timeoutSeconds: z.number().int().min(1).max(7200).default(900),
})

export type HelmReleaseInput = z.infer<typeof input>

export interface HelmReleaseParts {
  readonly helm: Helm
  readonly kubernetes: Kubernetes
  readonly clock: Clock
  /** The folder that holds the charts. */
  readonly charts: string
}

const MOST_UNLOCKS = 2

/** Installs and upgrades a chart; unchanged ones are left alone, stuck ones freed, lost objects brought back. */
export function helmRelease(parts: HelmReleaseParts): Action<HelmReleaseInput> {
  const { helm, kubernetes } = parts
  return {
    name: 'helm-release',
    input,
    locks: ({ namespace, release }) => [`helm:${namespace}/${release}`],
    things: ({ namespace, release }) => [{ system: 'helm', kind: 'release', name: `${namespace}/${release}` }],
    observe: async (wanted) => {
      const release = releaseOf(wanted, parts)
      const state = releaseState(await helm.find(release.name, release.namespace), await helm.fingerprint(release))
      if (state === 'absent') return { state: 'absent' }
      if (state !== 'in-sync') return { state: 'different', detail: `the release is ${state}` }
      const lost = await lostObjects(await helm.objects(release.name, release.namespace), kubernetes)
      return lost.length === 0 ? { state: 'present' } : { state: 'different', detail: `missing: ${lost.join(', ')}` }
    },
    ensure: async (wanted, context) => {
      const release = releaseOf(wanted, parts)
      const { record, message } = await bring(release, parts, context)
      const objects = await helm.objects(release.name, release.namespace)
      const timeoutMs = wanted.timeoutSeconds * 1000
      if (wanted.wait) await waitForObjects(objects, timeoutMs, { ...parts, context })
      return {
        changed: message !== undefined,
        message: message ?? 'already as wanted',
        outputs: { revision: record?.revision },
      }
    },
    remove: async ({ release, namespace, timeoutSeconds }, context) => {
      const told = new AbortController()
      const telling = tellWhatEnds({ release, namespace }, parts, context, told.signal)
      try {
        const removed = await helm.uninstall(release, namespace, {
          signal: context.signal,
          output: (line) => context.output(line),
          timeoutMs: timeoutSeconds * 1000,
        })
        return removed
          ? { changed: true, message: `${release} removed from ${namespace}` }
          : { changed: false, message: 'already absent' }
      } finally {
        told.abort()
        await telling
        context.waiting(undefined)
      }
    },
  }
}

/** Ends with the release deployed; without a message when there was nothing to do. */
async function bring(
  release: Release,
  { helm, kubernetes }: HelmReleaseParts,
  context: ActionContext,
): Promise<{ readonly record: ReleaseRecord | undefined; readonly message?: string }> {
  const { name, namespace } = release
  const run = { signal: context.signal, output: (line: string) => context.output(line) }
  for (let unlocks = 0; ; unlocks += 1) {
    const record = await helm.find(name, namespace)
    const state = releaseState(record, await helm.fingerprint(release))
    const objects = state === 'in-sync' || state === 'changed' ? await helm.objects(name, namespace) : []
    await clearFailedJobs(objects, kubernetes, context)
    const lost = state === 'in-sync' ? await lostObjects(objects, kubernetes) : []
    switch (nextAction(state, lost.length)) {
      case 'none':
        return { record }
      case 'unlock':
        if (unlocks >= MOST_UNLOCKS)
          throw new AppError('unavailable', 'release-stuck', `${name} in ${namespace} stays ${record?.status}`)
        context.output(`${name} in ${namespace} is ${record?.status}, and nobody works on it: freeing it`)
        await helm.unlock(name, namespace, run)
        break
      case 'install':
        context.output(`installing ${name} in ${namespace}`)
        return { record: await helm.upgrade(release, run), message: `${name} installed in ${namespace}` }
      case 'upgrade':
        context.output(lost.length > 0 ? `bringing back ${lost.join(', ')}` : `upgrading ${name} in ${namespace}`)
        return { record: await helm.upgrade(release, run), message: `${name} upgraded in ${namespace}` }
    }
  }
}

const TELL_MS = 2_000

/** Says which pods are still ending, until `signal`: workers finish their tasks first, which may take long. */
async function tellWhatEnds(
  { release, namespace }: Pick<HelmReleaseInput, 'release' | 'namespace'>,
  { helm, kubernetes, clock }: HelmReleaseParts,
  context: ActionContext,
  signal: AbortSignal,
): Promise<void> {
  const all = `the objects of ${namespace}/${release} to be gone`
  context.waiting(all)
  try {
    const objects = await helm.objects(release, namespace)
    while (!signal.aborted) {
      const ending = await endingPods(objects, kubernetes)
      if (!signal.aborted) context.waiting(ending === undefined ? all : `the end of ${ending}`)
      await clock.sleep(TELL_MS, signal)
    }
  } catch {
    // Telling is a help: what can't be asked now, or is over, is no failure of the removal.
  }
}

/** The same without waiting for what it starts: for what may go on meanwhile, with the release itself as a later step. */
export function helmInstall(parts: HelmReleaseParts): Action<HelmReleaseInput> {
  const release = helmRelease(parts)
  return {
    ...release,
    name: 'helm-install',
    ensure: async (wanted, context) => await release.ensure({ ...wanted, wait: false }, context),
  }
}

async function lostObjects(objects: readonly Manifest[], kubernetes: Kubernetes): Promise<readonly string[]> {
  const lost: string[] = []
  for (const object of objects.filter((one) => !isSelfRemoving(one))) {
    const ref = refOf(object)
    if ((await kubernetes.find(ref)) === undefined) lost.push(describeRef(ref))
  }
  return lost
}

function releaseOf(wanted: HelmReleaseInput, { charts }: HelmReleaseParts): Release {
  return {
    name: wanted.release,
    namespace: wanted.namespace,
    chart: join(charts, wanted.chart),
    values: mergeTrees(wanted.values, wanted.over ?? {}),
    createNamespace: wanted.createNamespace,
    timeoutMs: wanted.timeoutSeconds * 1000,
  }
}
