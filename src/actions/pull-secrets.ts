import { z } from 'zod'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { refOf } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import type { Action } from './action.ts'
import { thingOf } from './kubernetes-apply.ts'

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

/**
 * Copies of the site's registry credentials in an account's namespace, and its default service account that names them:
 * whatever starts pods there (the hub, the charts of workers and databases), they pull with them.
 */
export function pullSecrets({ kubernetes }: { readonly kubernetes: Kubernetes }): Action<PullSecretsInput> {
  const wantedObjects = async (wanted: PullSecretsInput): Promise<Manifest[]> => {
    const copies = await Promise.all(wanted.names.map(async (name) => await copyOf(name, wanted, kubernetes)))
    return [...copies, serviceAccount(wanted.namespace, wanted.names)]
  }
  return {
    name: 'pull-secrets',
    input,
    locks: ({ namespace }) => [`kubernetes:pull-secrets ${namespace}`],
    things: ({ namespace, names }) => names.map((name) => thingOf(secret(namespace, name))),
    observe: async (wanted) => {
      const states = await Promise.all(
        (await wantedObjects(wanted)).map(async (object) => ({ object, state: await kubernetes.compare(object) })),
      )
      const others = states.filter(({ state }) => state !== 'present')
      if (others.length === 0) return { state: 'present' }
      if (states.every(({ object, state }) => state === 'absent' || object.kind === 'ServiceAccount'))
        return { state: 'absent' }
      return { state: 'different', detail: others.map(({ object }) => object.metadata.name).join(', ') }
    },
    ensure: async (wanted) => {
      const done: string[] = []
      for (const object of await wantedObjects(wanted)) {
        if ((await kubernetes.apply(object)) !== 'unchanged') done.push(object.metadata.name)
      }
      return { changed: done.length > 0, message: done.length > 0 ? `copied ${done.join(', ')}` : 'already as wanted' }
    },
    remove: async ({ namespace, names }, context) => {
      const account = serviceAccount(namespace, [])
      // Made by Kubernetes and gone with its namespace: it is not made here to be emptied.
      if ((await kubernetes.find(refOf(account))) !== undefined) await kubernetes.apply(account)
      const gone: string[] = []
      for (const name of names) {
        if (await kubernetes.delete(refOf(secret(namespace, name)), { signal: context.signal })) gone.push(name)
      }
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
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels } }
}

function serviceAccount(namespace: string, names: readonly string[]): Manifest {
  const imagePullSecrets = names.map((name) => ({ name }))
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace }, imagePullSecrets }
}

const labels = { 'app.kubernetes.io/managed-by': 'cloudmgr' }
