import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  getState,
  getVersionRow,
  listStates,
  listVersions,
  type StateRow,
  type VersionRow,
} from '../../clusters/state-rows.ts'
import type { Command } from '../../commands/command.ts'
import { errorBody } from '../answers.ts'
import { commandView } from '../command-views.ts'
import type { ApiDeps } from '../deps.ts'
import { viewCommand } from '../show-command.ts'
import type { SignIn } from '../sign-in.ts'
import { orderRestore, orderUnlock } from '../state-cases.ts'

const tags = ['states']
const problems = { '4xx': errorBody, '5xx': errorBody }

const told = {
  serial: z.int().optional().describe('Terraform’s own count of changes; left out where an older program wrote it'),
  bytes: z.int().optional(),
  resources: z.int().optional().describe('how many it manages'),
}
const versionView = z.object({ version: z.int(), writtenAt: z.iso.datetime(), ...told }).meta({ id: 'StateVersion' })
const lockView = z.object({
  holder: z.string(),
  since: z.iso.datetime().optional(),
  alive: z
    .boolean()
    .describe('a task works on the root now; otherwise its run is dead, and the next one takes the lock over'),
})
const stateView = z
  .object({
    root: z.string(),
    version: z.int().describe('counts the writes; 0: nothing was written yet'),
    changedAt: z.iso.datetime(),
    ...told,
    lock: lockView.optional(),
  })
  .meta({ id: 'TerraformState' })
const addresses = z.array(z.string()).optional().describe('of what it manages; never a value')

const root = z.object({ root: z.string().min(1).max(190) })

/** Terraform states of ordered nodes and volumes; for admins. The API can't decrypt them: it tells what their rows say. */
export function stateRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = deps
  const created = async (reply: FastifyReply, command: Command) => {
    void reply.header('location', `/api/v2/commands/${command.id}`)
    return reply.code(201).send(await viewCommand(deps, command))
  }

  app.get(
    '/api/v2/states',
    {
      schema: {
        tags,
        summary: 'List the Terraform states of what was ordered of the cloud',
        operationId: 'listStates',
        response: { 200: z.object({ states: z.array(stateView) }), ...problems },
      },
    },
    async (request) => {
      await signIn.admin(request)
      return { states: (await listStates(db, clock.now())).map(showState) }
    },
  )

  app.get(
    '/api/v2/states/:root',
    {
      schema: {
        tags,
        summary: 'Show one Terraform state: addresses of what it manages, and its kept versions',
        operationId: 'showState',
        params: root,
        response: { 200: stateView.extend({ addresses, versions: z.array(versionView) }), ...problems },
      },
    },
    async (request) => {
      await signIn.admin(request)
      const state = await getState(db, request.params.root, clock.now())
      const versions = (await listVersions(db, state.root)).map(showVersion)
      return { ...showState(state), ...addressesOf(state), versions }
    },
  )

  app.get(
    '/api/v2/states/:root/versions/:version',
    {
      schema: {
        tags,
        summary: 'Show what a kept version of a Terraform state manages',
        operationId: 'showStateVersion',
        params: root.extend({ version: z.coerce.number().int() }),
        response: { 200: versionView.extend({ addresses }), ...problems },
      },
    },
    async (request) => {
      await signIn.admin(request)
      const version = await getVersionRow(db, request.params.root, request.params.version)
      return { ...showVersion(version), ...addressesOf(version) }
    },
  )

  app.post(
    '/api/v2/states/:root/restore',
    {
      schema: {
        tags,
        summary: 'Order that a kept version becomes the newest; nothing outside is changed by it',
        operationId: 'restoreState',
        params: root,
        body: z.strictObject({ version: z.int().min(1) }),
        response: { 201: commandView, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.admin(request)
      return await created(reply, await orderRestore(deps, caller, request.params.root, request.body.version))
    },
  )

  app.post(
    '/api/v2/states/:root/unlock',
    {
      schema: {
        tags,
        summary: 'Order that the lock of a dead run is taken away',
        operationId: 'unlockState',
        params: root,
        response: { 201: commandView, ...problems },
      },
    },
    async (request, reply) => {
      const caller = await signIn.admin(request)
      return await created(reply, await orderUnlock(deps, caller, request.params.root))
    },
  )
}

function showState({ root, version, changedAt, lock, ...rest }: StateRow): z.infer<typeof stateView> {
  const since = lock?.since === undefined ? {} : { since: new Date(lock.since).toISOString() }
  const shown = lock === undefined ? {} : { lock: { holder: lock.holder, ...since, alive: lock.alive } }
  return { root, version, changedAt: new Date(changedAt).toISOString(), ...numbers(rest), ...shown }
}

function showVersion({ version, writtenAt, ...rest }: VersionRow): z.infer<typeof versionView> {
  return { version, writtenAt: new Date(writtenAt).toISOString(), ...numbers(rest) }
}

type Told = Pick<VersionRow, 'serial' | 'bytes' | 'addresses'>

function numbers({ serial, bytes, addresses: all }: Told) {
  return {
    ...(serial === undefined ? {} : { serial }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(all === undefined ? {} : { resources: all.length }),
  }
}

function addressesOf({ addresses: all }: Told): { addresses?: string[] } {
  return all === undefined ? {} : { addresses: [...all] }
}
