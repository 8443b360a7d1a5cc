import { type ClusterKeys, makeClusterKeys } from '../clusters/cluster-keys.ts'
import { AppError } from '../base/errors.ts'
import { randomWord } from '../base/secrets.ts'
import { type Cloud, hasOwnRancher, rancherOf } from './cloud.ts'
import { cloudSecrets, ensureSecrets, storeCloudSecrets } from './secrets.ts'

type Maker = (now: Date) => Promise<string>

const keys: Maker = async (now) => JSON.stringify(await makeClusterKeys(now))
const password: Maker = async () => randomWord(24)

/** What is made here, once: authorities and tokens of clusters of plain machines, passwords of a Rancher of the site's own. */
const makers = {
  'cluster-keys': keys,
  'rancher-keys': keys,
  'rancher-bootstrap-password': password,
  'rancher-admin-password': password,
} as const satisfies Readonly<Record<string, Maker>>

export type MadeKey = keyof typeof makers

/** The Rancher gave it to us; kept as long as that is there. */
const rancherToken = 'rancher-token'

function needed(cloud: Cloud): MadeKey[] {
  const passwords = ['rancher-bootstrap-password', 'rancher-admin-password'] as const
  return [
    ...(cloud.kind === 'hcloud' ? (['cluster-keys'] as const) : []),
    ...(rancherOf(cloud)?.server === undefined ? [] : (['rancher-keys'] as const)),
    ...(hasOwnRancher(cloud) ? passwords : []),
  ]
}

/** Those that a cloud needs and `known` does not have. */
export async function makeKeys(
  cloud: Cloud,
  known: Readonly<Record<string, string>>,
  now: Date,
): Promise<Readonly<Record<string, string>>> {
  const missing = needed(cloud).filter((name) => known[name] === undefined)
  return Object.fromEntries(await Promise.all(missing.map(async (name) => [name, await makers[name](now)] as const)))
}

/** Makes what is missing, kept with the site's secrets. */
export async function ensureKeys(folder: string, cloud: Cloud, nowMs: number): Promise<void> {
  const known = cloudSecrets(ensureSecrets(folder))
  const made = await makeKeys(cloud, known, new Date(nowMs))
  if (Object.keys(made).length > 0) storeCloudSecrets(folder, { ...known, ...made })
}

export function keptKeys(folder: string): Readonly<Record<string, string>> {
  const names: readonly string[] = [...Object.keys(makers), rancherToken]
  return Object.fromEntries(
    Object.entries(cloudSecrets(ensureSecrets(folder))).filter(([name]) => names.includes(name)),
  )
}

/** Those of the site file, with the keys that were made here: they must outlive every `up`. */
export function withMadeKeys(
  folder: string,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return { ...given, ...keptKeys(folder) }
}

export function clusterKeysIn(secrets: Readonly<Record<string, string>>, name: MadeKey): ClusterKeys {
  const text = secrets[name]
  if (text === undefined)
    throw new AppError('bug', 'no-cluster-keys', `${name}: a cluster's keys are made before its root`)
  return JSON.parse(text) as ClusterKeys
}

export function keptRancherToken(folder: string): string | undefined {
  return keptKeys(folder)[rancherToken]
}

/** Keeps the token of the site's own Rancher, or forgets it. */
export function keepRancherToken(folder: string, token: string | undefined): void {
  const { [rancherToken]: _before, ...others } = cloudSecrets(ensureSecrets(folder))
  storeCloudSecrets(folder, token === undefined ? others : { ...others, [rancherToken]: token })
}
