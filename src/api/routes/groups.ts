import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type Account, groupAccountName, hasRight } from '../../accounts/account.ts'
import { type GroupView, groupView, memberWish, newGroup } from '../../accounts/contract.ts'
import { type Group, listGroups, listMembers } from '../../accounts/group-store.ts'
import { accountsById } from '../../accounts/store.ts'
import { AppError } from '../../base/errors.ts'
import { namedAccount } from '../access.ts'
import { showAccounts } from '../account-views.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import { changeHeaders, etagOfGroup, ifMatchOf } from '../etag.ts'
import {
  createGroup,
  type GroupOrder,
  groupFor,
  ownedGroup,
  removeGroup,
  removeMember,
  rotateGroup,
  setMember,
} from '../group-cases.ts'
import type { SignIn } from '../sign-in.ts'
import { idempotencyKeyOf, orderHeaders } from './headers.ts'

const tags = ['groups']
const byName = z.object({ name: z.string().max(200) })
const byMember = byName.extend({ account: z.string().max(200) })
const problems = { '4xx': errorBody, '5xx': errorBody }
const ordered = groupView
  .extend({ command: z.int().optional().describe('the order that follows') })
  .meta({ id: 'GroupOrder' })

/** Several accounts that share one service. */
export function groupRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/api/v2/groups',
    {
      schema: {
        tags,
        summary: 'List groups by name; users see those they are in',
        operationId: 'listGroups',
        querystring: z.object({
          after: z.string().max(200).optional().describe('`next` of the page before'),
          member: z.string().max(200).optional().describe('those that this account is in'),
          limit: z.coerce.number().int().min(1).max(200).default(100),
        }),
        response: { 200: z.object({ groups: z.array(groupView), next: z.string().optional() }), ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.account(request)
      const { after, limit, member: asked } = request.query
      const member = await memberAsked(caller, asked)
      const groups = await listGroups(deps.db, { member, after, limit })
      const last = groups.length === limit ? groups.at(-1)?.name : undefined
      return { groups: await showAll(groups), ...(last === undefined ? {} : { next: last }) }
    },
  )

  app.post(
    '/api/v2/groups',
    {
      schema: {
        tags,
        summary: 'Make a group and order its service',
        operationId: 'createGroup',
        headers: orderHeaders,
        body: newGroup,
        response: { 201: ordered, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.granted(request, 'groups:manage')
      const made = await createGroup(deps, caller, request.body, idempotencyKeyOf(request))
      return reply
        .code(201)
        .header('location', `/api/v2/groups/${made.group.name}`)
        .send(await showOrder(made))
    },
  )

  app.get(
    '/api/v2/groups/:name',
    {
      schema: {
        tags,
        summary: 'Show a group and who is in it',
        operationId: 'getGroup',
        params: byName,
        response: { 200: groupView, ...problems },
      },
    },
    async (request, reply) =>
      tagged(reply, await show(await groupFor(deps, await signIn.account(request), request.params.name))),
  )

  app.delete(
    '/api/v2/groups/:name',
    {
      schema: {
        tags,
        summary: 'Remove a group with everything it has',
        operationId: 'removeGroup',
        headers: changeHeaders,
        params: byName,
        response: { 202: z.object({ name: z.string(), command: z.int().optional() }), ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const { group, command } = await removeGroup(
        deps,
        caller,
        await owned(caller, request.params.name),
        ifMatchOf(request),
      )
      return reply.code(202).send({ name: group.name, ...(command === undefined ? {} : { command }) })
    },
  )

  app.post(
    '/api/v2/groups/:name/rotate',
    {
      schema: {
        tags,
        summary: 'Give the group new database and broker passwords',
        operationId: 'rotateGroup',
        headers: orderHeaders,
        params: byName,
        response: { 202: ordered, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const done = await rotateGroup(deps, caller, await owned(caller, request.params.name), idempotencyKeyOf(request))
      return reply.code(202).send(await showOrder(done))
    },
  )

  app.put(
    '/api/v2/groups/:name/members/:account',
    {
      schema: {
        tags,
        summary: 'Take an account into a group, or change its role there',
        operationId: 'setGroupMember',
        headers: changeHeaders,
        params: byMember,
        body: memberWish,
        response: { 200: groupView, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const { name, account } = request.params
      const group = await owned(caller, name)
      await setMember(deps, caller, group, { account, role: request.body.role }, ifMatchOf(request))
      return tagged(reply, await show(group))
    },
  )

  app.delete(
    '/api/v2/groups/:name/members/:account',
    {
      schema: {
        tags,
        summary: 'Take an account out of a group, or leave it; the group gets new passwords',
        operationId: 'removeGroupMember',
        headers: changeHeaders,
        params: byMember,
        response: { 202: ordered, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.account(request)
      const { name, account } = request.params
      const leaves = account === caller.name
      const group = leaves ? await groupFor(deps, caller, name) : await owned(caller, name)
      return reply.code(202).send(await showOrder(await removeMember(deps, caller, group, account, ifMatchOf(request))))
    },
  )

  /** Whose groups are listed: everybody's (`undefined`) for who manages groups, else the caller's. */
  async function memberAsked(caller: Account, asked: string | undefined): Promise<number | undefined> {
    if (asked === caller.name) return caller.id
    if (!hasRight(caller, 'groups:manage')) {
      if (asked === undefined) return caller.id
      throw new AppError('forbidden', 'not-your-account', `account ${JSON.stringify(asked)} is not yours`)
    }
    return asked === undefined ? undefined : (await namedAccount(deps, asked)).id
  }

  async function owned(caller: Account, name: string): Promise<Group> {
    return await ownedGroup(deps, caller, name)
  }

  function tagged(reply: FastifyReply, view: GroupView): GroupView {
    void reply.header('etag', view.etag)
    return view
  }

  async function show(group: Group): Promise<GroupView> {
    const [view] = await showAll([group])
    return view as GroupView
  }

  async function showAll(groups: readonly Group[]): Promise<GroupView[]> {
    const members = await listMembers(
      deps.db,
      groups.map((group) => group.id),
    )
    const owners = await accountsById(
      deps.db,
      groups.map((group) => group.accountId),
    )
    const shown = await showAccounts(deps, owners)
    const byName = new Map(shown.map((account) => [account.userid, account]))
    return groups.map((group) => {
      const own = members.filter((member) => member.groupId === group.id)
      const account = groupAccountName(group.name)
      const { status = 'removed', statusDetail } = byName.get(account) ?? {}
      return {
        name: group.name,
        account,
        status,
        ...(statusDetail === undefined ? {} : { statusDetail }),
        createdAt: iso(group.createdAt),
        members: own.map((member) => ({ account: member.account, role: member.role, since: iso(member.since) })),
        etag: etagOfGroup(group, own),
      }
    })
  }

  async function showOrder({ group, command }: GroupOrder) {
    return { ...(await show(group)), ...(command === undefined ? {} : { command }) }
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
