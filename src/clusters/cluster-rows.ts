import type { Account } from '../accounts/account.ts'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Db, Row } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'

/** A cluster beside the site's own, as the rows have it. */
export interface ClusterRow {
  readonly name: string
  /** The account that it was ordered for. */
  readonly account: Account['id']
  readonly provider: string
  readonly state: Row<'clusters'>['state']
  readonly apiServer: string | undefined
  /** At which its pods find the site's services; undefined where they find them in the cluster itself. */
  readonly address: string | undefined
  /** Ports of `address` by the services' own; undefined: the same. */
  readonly links: PortLinks | undefined
  readonly since: number
}

/** Port that leads to a service, by the service's own. */
export type PortLinks = Readonly<Record<string, number>>

/** What is known once it serves. Both kubeconfigs are kept sealed: the administrator's by the engine's keys alone. */
export interface ClusterAccess {
  readonly apiServer: string
  readonly address?: string | undefined
  readonly links?: PortLinks | undefined
  readonly kubeconfig: string
  readonly observer: string
}

export interface ClusterKeys {
  readonly engine: KeyRing
  readonly settings: KeyRing
}

/** By name. */
export async function listClusters(db: Db): Promise<ClusterRow[]> {
  return (await db.selectFrom('clusters').selectAll().orderBy('name').execute()).map(toCluster)
}

export async function findCluster(db: Db, name: string): Promise<ClusterRow | undefined> {
  const row = await db.selectFrom('clusters').selectAll().where('name', '=', name).executeTakeFirst()
  return row === undefined ? undefined : toCluster(row)
}

/** Its name is taken from here on. `conflict` when another account has a cluster of that name. */
export async function beginCluster(
  db: Db,
  { name, account, provider }: Pick<ClusterRow, 'name' | 'account' | 'provider'>,
  now: number,
): Promise<void> {
  const row = { name, account_id: account, provider, state: 'making', created_at: now, updated_at: now } as const
  try {
    await db.insertInto('clusters').values(row).execute()
  } catch (error) {
    if (!isDuplicate(error)) throw error
    const present = await findCluster(db, name)
    if (present?.account !== account) throw clusterTaken(name)
  }
}

export function clusterTaken(name: string): AppError {
  const text = `there is a cluster ${name} already: choose another name`
  return new AppError('conflict', 'cluster-name-taken', text, { details: { field: 'name', value: name } })
}

export async function keepAccess(
  db: Db,
  keys: ClusterKeys,
  name: string,
  { apiServer, address, links, kubeconfig, observer }: ClusterAccess,
  now: number,
): Promise<void> {
  const sealed = {
    kubeconfig: keys.engine.seal(kubeconfig, contextOf('kubeconfig', name)),
    observer: keys.settings.seal(observer, contextOf('observer', name)),
  }
  await db
    .updateTable('clusters')
    .set({
      state: 'ready',
      api_server: apiServer,
      address: address ?? null,
      links: links === undefined ? null : JSON.stringify(links),
      ...sealed,
      updated_at: now,
    })
    .where('name', '=', name)
    .execute()
}

/** Nothing is begun on it any more. */
export async function endCluster(db: Db, name: string, now: number): Promise<void> {
  await db.updateTable('clusters').set({ state: 'removing', updated_at: now }).where('name', '=', name).execute()
}

export async function forgetCluster(db: Db, name: string): Promise<void> {
  await db.deleteFrom('clusters').where('name', '=', name).execute()
}

/**
 * What whoever makes the cluster needs again each time it works on it, such as its authorities: `make` is asked once. It may
 * be secret.
 */
export async function clusterNotes(
  db: Db,
  keys: ClusterKeys,
  name: string,
  make: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<Readonly<Record<string, unknown>>> {
  const found = await findNotes(db, keys, name)
  if (found !== undefined) return found
  const notes = await make()
  await keepNotes(db, keys, name, notes)
  return notes
}

/** Instead of those that are there. */
export async function keepNotes(
  db: Db,
  keys: ClusterKeys,
  name: string,
  notes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const sealed = keys.engine.seal(JSON.stringify(notes), contextOf('notes', name))
  await db.updateTable('clusters').set({ notes: sealed }).where('name', '=', name).execute()
}

/** Undefined before there are any. */
export async function findNotes(
  db: Db,
  keys: ClusterKeys,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const row = await db.selectFrom('clusters').select('notes').where('name', '=', name).executeTakeFirst()
  if (row?.notes == null) return undefined
  return JSON.parse(keys.engine.open(row.notes, contextOf('notes', name))) as Record<string, unknown>
}

/** How a cluster is entered: by everything, or as whoever may only look. */
export type Entrance = 'kubeconfig' | 'observer'

/** Kubeconfigs of the clusters that have one, by name. */
export async function openAccess(db: Db, keys: KeyRing, entrance: Entrance): Promise<ReadonlyMap<string, string>> {
  const rows = await db.selectFrom('clusters').select(['name', entrance]).where('state', '=', 'ready').execute()
  return new Map(
    rows.flatMap((row) => {
      const sealed = (row as Partial<Record<Entrance, string | null>>)[entrance]
      return sealed == null ? [] : [[row.name, keys.open(sealed, contextOf(entrance, row.name))] as const]
    }),
  )
}

/** The administrator's kubeconfig, also while the cluster is being removed; undefined where it was not made to the end. */
export async function adminAccess(db: Db, keys: ClusterKeys, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('clusters').select('kubeconfig').where('name', '=', name).executeTakeFirst()
  return row?.kubeconfig == null ? undefined : keys.engine.open(row.kubeconfig, contextOf('kubeconfig', name))
}

/** Another kubeconfig of the administrator's. */
export async function changeAdmin(db: Db, keys: ClusterKeys, name: string, kubeconfig: string): Promise<void> {
  const sealed = keys.engine.seal(kubeconfig, contextOf('kubeconfig', name))
  await db.updateTable('clusters').set({ kubeconfig: sealed }).where('name', '=', name).execute()
}

function contextOf(entrance: Entrance | 'notes', name: string): string {
  return `${entrance} of cluster ${name}`
}

function toCluster(row: Row<'clusters'>): ClusterRow {
  return {
    name: row.name,
    account: Number(row.account_id),
    provider: row.provider,
    state: row.state,
    apiServer: row.api_server ?? undefined,
    address: row.address ?? undefined,
    links: row.links === null ? undefined : (JSON.parse(row.links) as PortLinks),
    since: Number(row.created_at),
  }
}
