import type { Db, GroupMembersTable } from '../db/database.ts'
import { capabilities } from '../db/dialect.ts'

export type MemberRole = GroupMembersTable['role']

export interface Group {
  readonly id: number
  readonly name: string
  /** The account that owns what the group is delivered. */
  readonly accountId: number
  readonly createdAt: number
}

export interface Member {
  readonly groupId: number
  readonly account: string
  readonly role: MemberRole
  readonly since: number
}

const columns = [
  'account_groups.id',
  'account_groups.name',
  'account_groups.account_id',
  'account_groups.created_at',
] as const

function toGroup(row: { id: number; name: string; account_id: number; created_at: number }): Group {
  return {
    id: Number(row.id),
    name: row.name,
    accountId: Number(row.account_id),
    createdAt: Number(row.created_at),
  }
}

export async function findGroup(db: Db, name: string): Promise<Group | undefined> {
  const row = await db.selectFrom('account_groups').select(columns).where('name', '=', name).executeTakeFirst()
  return row === undefined ? undefined : toGroup(row)
}

/** By name, from after `after` on; those of one account with `member`. */
export async function listGroups(
  db: Db,
  { member, after, limit }: { member?: number | undefined; after?: string | undefined; limit: number },
): Promise<Group[]> {
  let query = db.selectFrom('account_groups').select(columns).orderBy('account_groups.name').limit(limit)
  if (after !== undefined) query = query.where('account_groups.name', '>', after)
  if (member !== undefined) {
    const own = db.selectFrom('group_members').select('group_id').where('account_id', '=', member)
    query = query.where('account_groups.id', 'in', own)
  }
  return (await query.execute()).map(toGroup)
}

/** The unique index decides between two at once. */
export async function insertGroup(db: Db, group: { name: string; accountId: number; now: number }): Promise<void> {
  const { name, accountId, now } = group
  await db.insertInto('account_groups').values({ name, account_id: accountId, created_at: now }).execute()
}

/** Until the transaction ends nobody else changes who is in it. SQLite lets one write at a time in any case. */
export async function lockGroup(tx: Db, id: number): Promise<void> {
  const query = tx.selectFrom('account_groups').select('id').where('id', '=', id)
  await (capabilities(tx).rowLocks ? query.forUpdate() : query).execute()
}

/** Of all these groups, by name. */
export async function listMembers(db: Db, groupIds: readonly number[]): Promise<Member[]> {
  if (groupIds.length === 0) return []
  const rows = await db
    .selectFrom('group_members')
    .innerJoin('accounts', 'accounts.id', 'group_members.account_id')
    .select(['group_members.group_id', 'accounts.name', 'group_members.role', 'group_members.created_at'])
    .where('group_members.group_id', 'in', groupIds)
    .orderBy('accounts.name')
    .execute()
  return rows.map((row) => ({
    groupId: Number(row.group_id),
    account: row.name,
    role: row.role,
    since: Number(row.created_at),
  }))
}

export async function findMemberRole(db: Db, groupId: number, accountId: number): Promise<MemberRole | undefined> {
  const row = await db
    .selectFrom('group_members')
    .select('role')
    .where('account_id', '=', accountId)
    .where('group_id', '=', groupId)
    .executeTakeFirst()
  return row?.role
}

export async function putMember(
  db: Db,
  member: { groupId: number; accountId: number; role: MemberRole; now: number },
): Promise<void> {
  const { groupId, accountId, role, now } = member
  const { numUpdatedRows } = await db
    .updateTable('group_members')
    .set({ role })
    .where('account_id', '=', accountId)
    .where('group_id', '=', groupId)
    .executeTakeFirst()
  // MySQL counts no row whose value stays: look before adding.
  if (numUpdatedRows > 0n || (await findMemberRole(db, groupId, accountId)) !== undefined) return
  await db
    .insertInto('group_members')
    .values({ group_id: groupId, account_id: accountId, role, created_at: now })
    .execute()
}

export async function deleteMember(db: Db, groupId: number, accountId: number): Promise<void> {
  await db.deleteFrom('group_members').where('account_id', '=', accountId).where('group_id', '=', groupId).execute()
}

export async function countOwners(db: Db, groupId: number): Promise<number> {
  const rows = await db
    .selectFrom('group_members')
    .select('id')
    .where('group_id', '=', groupId)
    .where('role', '=', 'owner')
    .execute()
  return rows.length
}

/** A group as one account sees it. */
export interface Membership {
  readonly groupAccount: number
  readonly isMember: boolean
}

/** One indexed query, for the hot path; `undefined` when there is no such group or it is going. */
export async function findMembership(db: Db, group: string, accountId: number): Promise<Membership | undefined> {
  const row = await db
    .selectFrom('account_groups')
    .innerJoin('accounts', 'accounts.id', 'account_groups.account_id')
    .leftJoin('group_members', (join) =>
      join.onRef('group_members.group_id', '=', 'account_groups.id').on('group_members.account_id', '=', accountId),
    )
    .select(['account_groups.account_id', 'group_members.role'])
    .where('account_groups.name', '=', group)
    .where('accounts.status', '=', 'active')
    .executeTakeFirst()
  return row === undefined ? undefined : { groupAccount: Number(row.account_id), isMember: row.role !== null }
}

/** Names of the groups that an account is in, those that are going left out; one indexed query, for the hot path. */
export async function groupNamesOf(db: Db, accountId: number): Promise<string[]> {
  const rows = await db
    .selectFrom('group_members')
    .innerJoin('account_groups', 'account_groups.id', 'group_members.group_id')
    .innerJoin('accounts', 'accounts.id', 'account_groups.account_id')
    .select('account_groups.name')
    .where('group_members.account_id', '=', accountId)
    .where('accounts.status', '=', 'active')
    .orderBy('account_groups.name')
    .execute()
  return rows.map((row) => row.name)
}

/** The role of an account in the group whose things `groupAccount` owns; `undefined`: it is no member, or that is no group. */
export async function roleInGroupOf(db: Db, groupAccount: number, accountId: number): Promise<MemberRole | undefined> {
  const row = await db
    .selectFrom('account_groups')
    .innerJoin('group_members', 'group_members.group_id', 'account_groups.id')
    .select('group_members.role')
    .where('account_groups.account_id', '=', groupAccount)
    .where('group_members.account_id', '=', accountId)
    .executeTakeFirst()
  return row?.role
}
