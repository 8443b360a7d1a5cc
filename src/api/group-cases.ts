import { type Account, GROUP_PLAN, groupAccountName, hasRight, userName } from '../accounts/account.ts'
import { audit } from '../accounts/audit.ts'
import {
  countOwners,
  deleteMember,
  findGroup,
  findMemberRole,
  type Group,
  insertGroup,
  listGroups,
  lockGroup,
  listMembers,
  type MemberRole,
  putMember,
} from '../accounts/group-store.ts'
import { findAccount, findAccountById, insertAccount, markRemoving } from '../accounts/store.ts'
import { AppError, must } from '../base/errors.ts'
import { didYouMean, nearest } from '../base/nearest.ts'
import { bellOf } from '../commands/bell.ts'
import type { Db } from '../db/database.ts'
import { isDuplicate } from '../db/dialect.ts'
import { inTransaction } from '../db/transaction.ts'
import { findDeployment } from '../deployments/store.ts'
import type { ApiDeps } from './deps.ts'
import { assertMatch, etagOfGroup } from './etag.ts'
import { findOrder, placeOrder } from './orders.ts'
import { orderOthers } from './other-deployments.ts'
import { endSharesWith, renewSharesWith } from './share-orders.ts'

/** Enough for a guess. */
const MOST_GUESSED = 1_000

export interface GroupOrder {
  readonly group: Group
  readonly command: number | undefined
}

/** The group of that name for who may see it: its members, and whoever manages groups. */
export async function groupFor(deps: ApiDeps, caller: Account, name: string): Promise<Group> {
  const group = await findGroup(deps.db, name)
  if (hasRight(caller, 'groups:manage')) return group ?? (await unknown(deps, name))
  const role = group === undefined ? undefined : await findMemberRole(deps.db, group.id, caller.id)
  return group === undefined || role === undefined ? await unknown(deps, name, caller) : group
}

/** As `groupFor`, for who may change it: its owners, and whoever manages groups. */
export async function ownedGroup(deps: ApiDeps, caller: Account, name: string): Promise<Group> {
  const group = await groupFor(deps, caller, name)
  if (hasRight(caller, 'groups:manage')) return group
  if ((await findMemberRole(deps.db, group.id, caller.id)) === 'owner') return group
  throw new AppError('forbidden', 'owners-only', `this is for the owners of group ${name}`)
}

/** The group, the account that owns its things, and the order of its plan. */
export async function createGroup(
  deps: ApiDeps,
  caller: Account,
  wish: { readonly name: string; readonly owner?: string | undefined },
  idempotencyKey?: string,
): Promise<GroupOrder> {
  const name = userName(wish.name)
  const made = await inTransaction(deps.db, async (tx) => {
    const repeated = await repeatedOrder(tx, caller, name, idempotencyKey)
    if (repeated !== undefined) return repeated
    const owner = wish.owner === undefined ? undefined : await person(deps, tx, wish.owner)
    const account = await addGroupAccount(deps, tx, name)
    const now = deps.clock.now()
    await insertGroup(tx, { name, accountId: account.id, now })
    const group = must(await findGroup(tx, name), `group ${name}`)
    if (owner !== undefined) await putMember(tx, { groupId: group.id, accountId: owner.id, role: 'owner', now })
    await note(deps, tx, caller, 'group.create', name, owner === undefined ? {} : { owner: owner.name })
    // Nobody starts a notebook as a group, so nothing would be written to its home.
    const params = { home: 0 }
    const order = { plan: GROUP_PLAN, phase: 'install', params, subject: account, requestedBy: caller.name } as const
    return { group, command: await placeOrder(tx, { ...order, idempotencyKey }) }
  })
  bellOf(deps.db).ring()
  return made
}

/** What the same caller ordered for this group with the same key; `conflict` when the key was used for another. */
async function repeatedOrder(
  tx: Db,
  caller: Account,
  name: string,
  key: string | undefined,
): Promise<GroupOrder | undefined> {
  const order = key === undefined ? undefined : await findOrder(tx, caller.name, key)
  if (order === undefined) return undefined
  const group = await findGroup(tx, name)
  if (group !== undefined && group.accountId === order.subject) return { group, command: order.id }
  throw new AppError('conflict', 'idempotency-key-reused', 'this Idempotency-Key was used for another order already')
}

async function addGroupAccount(deps: ApiDeps, tx: Db, name: string): Promise<Account> {
  const account = groupAccountName(name)
  try {
    await insertAccount(tx, {
      name: account,
      // Unique, and nothing that anybody could have as an address.
      email: `group:${name}`,
      role: 'group',
      rights: [],
      passwordHash: null,
      state: 'active',
      mailConfirmed: false,
      now: deps.clock.now(),
    })
  } catch (cause) {
    if (!isDuplicate(cause)) throw cause
    throw new AppError('conflict', 'group-exists', `there is a group ${JSON.stringify(name)} already`, {
      details: { field: 'name', value: name, right: 'a name that no group has' },
    })
  }
  const made = await deps.accounts.get(tx, account)
  await deps.accounts.rotateKey(tx, made)
  return made
}

/** Members use what the group has; owners also say who is in it. */
export async function setMember(
  deps: ApiDeps,
  caller: Account,
  group: Group,
  wish: { readonly account: string; readonly role: MemberRole },
  ifMatch?: string,
): Promise<void> {
  const member = await inTransaction(deps.db, async (tx) => {
    await assertUnchanged(tx, group, ifMatch)
    const account = await person(deps, tx, wish.account)
    if (wish.role === 'member') await keepAnOwner(tx, caller, group, account)
    await takeMember(deps, tx, caller, group, { account, role: wish.role })
    return account
  })
  deps.memberships.forget(group.name, member.id)
}

/** With the order of new passwords that follows: whoever leaves knew those of before. */
export async function removeMember(
  deps: ApiDeps,
  caller: Account,
  group: Group,
  name: string,
  ifMatch?: string,
): Promise<GroupOrder> {
  const { member, command } = await inTransaction(deps.db, async (tx) => {
    await assertUnchanged(tx, group, ifMatch)
    const member = await findAccount(tx, name)
    if (member === undefined || (await findMemberRole(tx, group.id, member.id)) === undefined) {
      throw new AppError('not-found', 'member-unknown', `${JSON.stringify(name)} is no member of group ${group.name}`)
    }
    await keepAnOwner(tx, caller, group, member)
    return { member, command: await dropMember(deps, tx, caller, group, member) }
  })
  deps.memberships.forget(group.name, member.id)
  bellOf(deps.db).ring()
  return { group, command }
}

/** Whoever leaves knew the group's passwords: answers with the order that makes new ones. */
export async function dropMember(
  deps: ApiDeps,
  tx: Db,
  caller: Account,
  group: Group,
  member: Account,
): Promise<number | undefined> {
  await deleteMember(tx, group.id, member.id)
  await note(deps, tx, caller, 'group.remove-member', group.name, { member: member.name })
  return await renewCredentials(deps, tx, group, caller)
}

/** Takes somebody in, or changes the role there. */
export async function takeMember(
  deps: ApiDeps,
  tx: Db,
  caller: Account,
  group: Group,
  { account, role }: { readonly account: Account; readonly role: MemberRole },
): Promise<void> {
  await putMember(tx, { groupId: group.id, accountId: account.id, role, now: deps.clock.now() })
  await note(deps, tx, caller, 'group.set-member', group.name, { member: account.name, role })
}

/** Whoever loses the account loses its groups' passwords as well; in the caller's transaction. */
export async function lockOutOfGroups(deps: ApiDeps, tx: Db, account: Account, caller: Account): Promise<void> {
  for (const group of await listGroups(tx, { member: account.id, limit: 1000 })) {
    await renewCredentials(deps, tx, group, caller)
  }
}

/** The rows of the group are locked until the transaction ends. */
async function assertUnchanged(tx: Db, group: Group, ifMatch: string | undefined): Promise<void> {
  await lockGroup(tx, group.id)
  assertMatch(ifMatch, etagOfGroup(group, await listMembers(tx, [group.id])), `group ${group.name}`)
}

export async function rotateGroup(
  deps: ApiDeps,
  caller: Account,
  group: Group,
  idempotencyKey?: string,
): Promise<GroupOrder> {
  const rotated = await inTransaction(deps.db, async (tx): Promise<GroupOrder> => {
    const repeated = await repeatedOrder(tx, caller, group.name, idempotencyKey)
    if (repeated !== undefined) return repeated
    await note(deps, tx, caller, 'group.rotate', group.name)
    return { group, command: await renewCredentials(deps, tx, group, caller, idempotencyKey) }
  })
  bellOf(deps.db).ring()
  return rotated
}

/** Passwords and the workers' key. Nothing to renew before the group's service was delivered: nobody was told any. */
async function renewCredentials(
  deps: ApiDeps,
  tx: Db,
  group: Group,
  caller: Account,
  idempotencyKey?: string,
): Promise<number | undefined> {
  const subject = await findAccountById(tx, group.accountId)
  const row = await findDeployment(tx, group.accountId, GROUP_PLAN)
  if (subject === undefined || row?.readyAt === undefined) return undefined
  await deps.accounts.rotateKey(tx, subject)
  deps.accounts.forget(subject.name)
  const order = { plan: GROUP_PLAN, phase: 'update', subject, requestedBy: caller.name } as const
  const command = await placeOrder(tx, { ...order, params: { rotate: true }, idempotencyKey })
  await orderOthers(deps, tx, subject, 'update', caller.name)
  await renewSharesWith(tx, subject)
  return command
}

/** With everything it has; the name is free once the order is done. */
export async function removeGroup(deps: ApiDeps, caller: Account, group: Group, ifMatch?: string): Promise<GroupOrder> {
  const command = await inTransaction(deps.db, async (tx) => {
    await assertUnchanged(tx, group, ifMatch)
    const subject = await findAccountById(tx, group.accountId)
    if (subject === undefined) return undefined
    await markRemoving(tx, subject.id)
    await endSharesWith(tx, subject)
    await note(deps, tx, caller, 'group.remove', group.name)
    await orderOthers(deps, tx, subject, 'remove', caller.name)
    await deps.deployments.beginRemoval(tx, subject.id, GROUP_PLAN)
    return await placeOrder(tx, { plan: GROUP_PLAN, phase: 'remove', subject, requestedBy: caller.name })
  })
  bellOf(deps.db).ring()
  return { group, command }
}

/** Nobody but those who manage groups may leave one without an owner. */
async function keepAnOwner(tx: Db, caller: Account, group: Group, leaving: Account): Promise<void> {
  if (hasRight(caller, 'groups:manage')) return
  if ((await findMemberRole(tx, group.id, leaving.id)) !== 'owner') return
  if ((await countOwners(tx, group.id)) > 1) return
  throw new AppError('conflict', 'group-needs-owner', `${leaving.name} is the only owner of group ${group.name}`)
}

async function person(deps: ApiDeps, tx: Db, name: string): Promise<Account> {
  const account = await deps.accounts.get(tx, name)
  if (account.role !== 'machine' && account.role !== 'group') return account
  throw new AppError(
    'invalid',
    'member-no-person',
    `account ${name} can't be in a group: right is a person's account`,
    {
      details: { field: 'account', value: name, right: 'a person’s account' },
    },
  )
}

/** Names are guessed among those that may be known: all of them, or those that `member` is in. */
async function unknown({ db }: ApiDeps, name: string, member?: Account): Promise<never> {
  const groups = await listGroups(db, { member: member?.id, limit: MOST_GUESSED })
  const near = nearest(
    name,
    groups.map((group) => group.name),
  )
  throw new AppError('not-found', 'group-unknown', `there is no group ${JSON.stringify(name)}${didYouMean(near)}`, {
    details: { name, near },
  })
}

async function note(
  deps: ApiDeps,
  tx: Db,
  caller: Account,
  action: string,
  group: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await audit(tx, { at: deps.clock.now(), actor: caller.name, action, subject: group, details })
}
