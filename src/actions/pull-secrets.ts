import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { refOf } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { Action, Observation } from './action.ts'
import { thingOf } from './kubernetes-apply.ts'
import { waitUntil } from './wait-until.ts'

const kubernetesName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'lower-case letters, digits, hyphens and dots')

const input = z.strictObject({
  namespace: kubernetesName,
  /** Namespace of the Secrets that are copied. */
  from: kubernetesName,
  names: z.array(kubernetesName).min(1),
})

export type PullSecretsInput = z.infer<typeof input>

export interface PullSecretsParts {
  readonly kubernetes: Kubernetes
  readonly clock: Clock
}

/** Kubernetes makes the account right after its namespace. */
const ACCOUNT_TIMEOUT_MS = 30_000

/**
 * Copies of the site's registry credentials in an account's namespace, and its default service account that names them:
 * whatever starts pods there (the hub, the charts of workers and databases), they pull with them.
 */
export function pullSecrets({ kubernetes, clock }: PullSecretsParts): Action<PullSecretsInput> {
  const copies = (wanted: PullSecretsInput) =>
    Promise.all(wanted.names.map(async (name) => await copyOf(name, wanted, kubernetes)))
  return {
    name: 'pull-secrets',
    input,
    locks: ({ namespace }) => [`kubernetes:pull-secrets ${namespace}`],
    things: ({ namespace, names }) => names.map((name) => thingOf(secret(namespace, name))),
    observe: async (wanted): Promise<Observation> => {
      const states = await Promise.all((await copies(wanted)).map(async (one) => await kubernetes.compare(one)))
      if (states.every((state) => state === 'absent')) return { state: 'absent' }
      const differing = wanted.names.filter((_, index) => states[index] !== 'present')
      if (differing.length > 0)
        return { state: 'different', detail: `${differing.join(', ')} is no copy of the site's` }
      const named = namesOf(await kubernetes.find(account(wanted.namespace)))
      if (isDeepStrictEqual(named, wanted.names)) return { state: 'present' }
      return { state: 'different', detail: 'the default service account does not name them' }
    },
    ensure: async (wanted, context) => {
      const done: string[] = []
      for (const copy of await copies(wanted))
        if ((await kubernetes.apply(copy)) !== 'unchanged') done.push(copy.metadata.name)
      const ref = account(wanted.namespace)
      const check = async () => {
        const there = (await kubernetes.find(ref)) !== undefined
        return { state: there ? ('ready' as const) : ('waiting' as const), reason: 'not made yet' }
      }
      await waitUntil({ what: 'the default service account', timeoutMs: ACCOUNT_TIMEOUT_MS, check }, clock, context)
      if (!isDeepStrictEqual(namesOf(await kubernetes.find(ref)), wanted.names)) {
        await kubernetes.change(ref, { imagePullSecrets: wanted.names.map((name) => ({ name })) })
        done.push('the default service account')
      }
      return { changed: done.length > 0, message: done.length > 0 ? `wrote ${done.join(', ')}` : 'already as wanted' }
    },
    remove: async ({ namespace, names }, context) => {
      const gone: string[] = []
      for (const name of names)
        if (await kubernetes.delete(refOf(secret(namespace, name)), { signal: context.signal })) gone.push(name)
      const left = namesOf(await kubernetes.find(account(namespace)))
      if (left.length > 0) await kubernetes.change(account(namespace), { imagePullSecrets: null })
      return { changed: gone.length > 0, message: gone.length > 0 ? `deleted ${gone.join(', ')}` : 'already absent' }
    },
  }
}

async function copyOf(name: string, { namespace, from }: PullSecretsInput, kubernetes: Kubernetes): Promise<Manifest> {
  const found = await kubernetes.find(refOf(secret(from, name)))
  if (found === undefined) {
    const what = `copying Secret ${from}/${name}: it does not exist; make it, or take it out of the site's imagePullSecrets`
    throw new AppError('not-found', 'pull-secret-missing', what, {
      details: { field: 'imagePullSecrets', value: name },
    })
  }
  return { ...secret(namespace, name), type: found['type'], data: found['data'] }
}

function secret(namespace: string, name: string): Manifest {
  const labels = { 'app.kubernetes.io/managed-by': 'cloudmgr' }
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels } }
}

function account(namespace: string) {
  return { apiVersion: 'v1', kind: 'ServiceAccount', name: 'default', namespace }
}

function namesOf(found: Manifest | undefined): string[] {
  return ((found?.['imagePullSecrets'] ?? []) as { name: string }[]).map(({ name }) => name)
}
