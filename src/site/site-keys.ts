import { type ClusterKeys, makeClusterKeys } from '../clusters/cluster-keys.ts'
import type { Cloud } from './cloud.ts'
import { cloudSecrets, ensureSecrets, storeCloudSecrets } from './secrets.ts'

const name = 'cluster-keys'

/** Authorities and tokens of a cluster of plain machines, made once and kept with the site's secrets. */
export async function ensureClusterKeys(folder: string, { kind }: Cloud, nowMs: number): Promise<void> {
  if (kind !== 'hcloud' || clusterKeysOf(folder) !== undefined) return
  const keys = await makeClusterKeys(new Date(nowMs))
  storeCloudSecrets(folder, { ...cloudSecrets(ensureSecrets(folder)), [name]: JSON.stringify(keys) })
}

export function clusterKeysOf(folder: string): ClusterKeys | undefined {
  const text = cloudSecrets(ensureSecrets(folder))[name]
  return text === undefined ? undefined : (JSON.parse(text) as ClusterKeys)
}

/** Those of the site file, with the keys that were made here: they must outlive every `up`. */
export function withMadeKeys(
  folder: string,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const made = cloudSecrets(ensureSecrets(folder))[name]
  return made === undefined ? given : { ...given, [name]: made }
}
