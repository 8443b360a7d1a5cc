import { z } from 'zod'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import type { Action } from './action.ts'
import { thingOf } from './kubernetes-apply.ts'

const kubernetesName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'up to 63 lower-case letters, digits and hyphens')

const input = z.strictObject({
  namespace: kubernetesName,
  name: kubernetesName,
  /** Host and port of the registry, as in image names. */
  server: z
    .string()
    .regex(/^[A-Za-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9._/-]*)?$/, 'a host such as ghcr.io, with a port if need be'),
  username: z.string().min(1),
  password: z.string().min(1),
})

export type RegistrySecretInput = z.infer<typeof input>

/** A Secret that pods pull images of a private registry with. The texts are encoded here: none can break out of its place. */
export function registrySecret({ kubernetes }: { readonly kubernetes: Kubernetes }): Action<RegistrySecretInput> {
  return {
    name: 'registry-secret',
    input,
    locks: ({ namespace, name }) => [`kubernetes:Secret ${namespace}/${name}`],
    things: (wanted) => [thingOf(secretOf(wanted))],
    observe: async (wanted) => ({ state: await kubernetes.compare(secretOf(wanted)) }),
    ensure: async (wanted) => {
      const applied = await kubernetes.apply(secretOf(wanted))
      const changed = applied !== 'unchanged'
      return { changed, message: changed ? `${wanted.name} signs in at ${wanted.server}` : 'already as wanted' }
    },
    remove: async (wanted, context) => {
      const ref = refOf(secretOf(wanted))
      const changed = await kubernetes.delete(ref, { signal: context.signal })
      return { changed, message: changed ? `deleted ${describeRef(ref)}` : 'already absent' }
    },
  }
}

function secretOf({ namespace, name, server, username, password }: RegistrySecretInput): Manifest {
  const auth = Buffer.from(`${username}:${password}`, 'utf8').toString('base64')
  const config = JSON.stringify({ auths: { [server]: { username, password, auth } } })
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'cloudmgr' } },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(config, 'utf8').toString('base64') },
  }
}
