import { AppError } from '../../base/errors.ts'
import type { KindRef, ObjectRef } from './port.ts'

interface Resource {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}

/** URL paths of objects, from what the server says about its kinds (asked once per API version, again for an unknown kind). */
export function resourcePaths(get: (path: string) => Promise<unknown>): {
  object(ref: ObjectRef): Promise<string>
  collection(kind: KindRef, namespace?: string): Promise<string>
} {
  const known = new Map<string, readonly Resource[]>()
  const base = (apiVersion: string): string => (apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`)

  const resource = async ({ apiVersion, kind }: KindRef): Promise<Resource> => {
    const match = (one: Resource): boolean => one.kind === kind && !one.name.includes('/')
    const found = known.get(apiVersion)?.find(match)
    if (found !== undefined) return found
    const list = await lookUp(get, base(apiVersion), { apiVersion, kind })
    known.set(apiVersion, list)
    const fresh = list.find(match)
    if (fresh === undefined) throw unknownKind({ apiVersion, kind })
    return fresh
  }
  const collection = async (kind: KindRef, namespace: string | undefined): Promise<string> => {
    const { name, namespaced } = await resource(kind)
    return namespaced && namespace !== undefined
      ? `${base(kind.apiVersion)}/namespaces/${namespace}/${name}`
      : `${base(kind.apiVersion)}/${name}`
  }
  return {
    collection,
    object: async (ref) => {
      const { namespaced } = await resource(ref)
      const path = await collection(ref, namespaced ? (ref.namespace ?? 'default') : undefined)
      return `${path}/${encodeURIComponent(ref.name)}`
    },
  }
}

async function lookUp(
  get: (path: string) => Promise<unknown>,
  path: string,
  kind: KindRef,
): Promise<readonly Resource[]> {
  try {
    return ((await get(path)) as { resources?: Resource[] }).resources ?? []
  } catch (error) {
    if (error instanceof AppError && error.kind === 'not-found') throw unknownKind(kind, error)
    throw error
  }
}

function unknownKind(kind: KindRef, cause?: unknown): AppError {
  const message = `the cluster knows no kind ${kind.kind} in ${kind.apiVersion}: is it spelt right, is its CRD installed?`
  return new AppError('invalid', 'kubernetes-kind-unknown', message, { cause })
}
