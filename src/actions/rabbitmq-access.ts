import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Permissions, Policy, Rabbitmq } from '../adapters/rabbitmq/port.ts'
import type { Action, Thing } from './action.ts'
import { accountNames, EVERYTHING, FORWARDING, sharedPermissions, WORKERS_QUEUE } from './broker-rights.ts'

/** Tag of the users and vhosts that are ours; it gives no rights. */
export const BROKER_MARK = 'cloudmgr'

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'up to 128 letters, digits, dots, hyphens and underscores')
const pattern = z.string().refine(isPattern, 'must be a regular expression')

const input = z.strictObject({
  vhost: name,
  user: name,
  password: z.string().min(8, 'a password has 8 characters or more'),
  /** The vhost belongs to this access alone and goes with it. Otherwise it is made when missing, and stays. */
  ownVhost: z.boolean().default(false),
  /**
   * Shares the vhost as this account: only its own queue, exchange and replies. Left out: everything on the vhost.
   * `bob.alice` is bob at what alice shares.
   */
  account: z
    .string()
    .regex(
      /^(?:g-)?[a-z][a-z0-9]{2,29}(?:\.(?:g-)?[a-z][a-z0-9]{2,29})?$/,
      'an account is named by 3 to 30 lower-case letters and digits, a group’s after g-',
    )
    .optional(),
  /** Instead of what follows from `account`. */
  permissions: z.strictObject({ configure: pattern, write: pattern, read: pattern }).optional(),
  /** Further rules of the vhost; never removed while the vhost stays. */
  policies: z
    .array(
      z.strictObject({
        name,
        pattern,
        definition: z.record(z.string(), z.unknown()),
        applyTo: z.enum(['queues', 'exchanges', 'all']).default('queues'),
        priority: z.number().int().default(0),
      }),
    )
    .default([]),
})

export type RabbitmqAccessInput = z.infer<typeof input>

/** A broker user with its rights on a vhost; accounts of a shared vhost get the rule that forwards their tasks. */
export function rabbitmqAccess({ rabbitmq }: { readonly rabbitmq: Rabbitmq }): Action<RabbitmqAccessInput> {
  return {
    name: 'rabbitmq-access',
    input,
    locks: ({ user, vhost, ownVhost }) => [`rabbitmq:user/${user}`, ...(ownVhost ? [`rabbitmq:vhost/${vhost}`] : [])],
    things: ({ user, vhost, ownVhost, account }) => [
      { system: 'rabbitmq', kind: 'user', name: user },
      ...(ownVhost ? [{ system: 'rabbitmq', kind: 'vhost', name: vhost } as const] : []),
      ...(account === undefined || ownVhost ? [] : waysOf(vhost, account)),
    ],
    observe: async (wanted) => {
      const left = await whatIsThere(wanted, rabbitmq)
      if (left.length === 0) return { state: 'absent' }
      const differing = await differences(wanted, rabbitmq)
      return differing.length === 0 ? { state: 'present' } : { state: 'different', detail: differing.join(', ') }
    },
    ensure: async (wanted) => {
      const { vhost, user, password, ownVhost } = wanted
      const done: string[] = []
      const note = (changed: boolean, what: string): void => void (changed && done.push(what))
      note(await rabbitmq.ensureVhost(vhost, ownVhost ? [BROKER_MARK] : []), `vhost ${vhost}`)
      // Rules before rights: nobody sends before the rule that keeps tasks apart.
      for (const policy of policiesOf(wanted)) note(await rabbitmq.ensurePolicy(vhost, policy), `policy ${policy.name}`)
      // What is forwarded to a queue that there is not is lost: it is there before the first worker is.
      if (isForwarded(wanted)) note(await rabbitmq.ensureQueue(vhost, WORKERS_QUEUE), `queue ${WORKERS_QUEUE}`)
      note(await rabbitmq.ensureUser(user, password, [BROKER_MARK]), `user ${user}`)
      note(await rabbitmq.ensurePermissions(vhost, user, permissionsOf(wanted)), `rights of ${user} on ${vhost}`)
      return { changed: done.length > 0, message: done.length > 0 ? `made ${done.join(', ')}` : 'already as wanted' }
    },
    remove: async ({ vhost, user, ownVhost, account }) => {
      const done: string[] = []
      const note = (changed: boolean, what: string): void => void (changed && done.push(what))
      // The user first: it could declare its queue again.
      note(await rabbitmq.deleteUser(user), `user ${user}`)
      if (account !== undefined && !ownVhost && (await rabbitmq.hasVhost(vhost))) {
        const { queue, exchange } = accountNames(account)
        note(await rabbitmq.deleteQueue(vhost, queue), `queue ${queue}`)
        note(await rabbitmq.deleteExchange(vhost, exchange), `exchange ${exchange}`)
      }
      if (ownVhost) note(await rabbitmq.deleteVhost(vhost), `vhost ${vhost}`)
      return { changed: done.length > 0, message: done.length > 0 ? `deleted ${done.join(', ')}` : 'already absent' }
    },
  }
}

/** What lies on a vhost that it shares, once its client has declared it. */
function waysOf(vhost: string, account: string): Thing[] {
  const { queue, exchange } = accountNames(account)
  return [
    { system: 'rabbitmq', kind: 'queue', name: `${vhost}/${queue}` },
    { system: 'rabbitmq', kind: 'exchange', name: `${vhost}/${exchange}` },
  ]
}

function permissionsOf({ permissions, account }: RabbitmqAccessInput): Permissions {
  if (permissions !== undefined) return permissions
  return account === undefined ? EVERYTHING : sharedPermissions(account)
}

/** Whether its tasks go through a queue of its own to that of workers which are not its own. */
function isForwarded({ account, ownVhost }: RabbitmqAccessInput): boolean {
  return account !== undefined && !ownVhost
}

function policiesOf(wanted: RabbitmqAccessInput): readonly Policy[] {
  return isForwarded(wanted) ? [FORWARDING, ...wanted.policies] : wanted.policies
}

/** What removal would take away. */
async function whatIsThere(
  { vhost, user, ownVhost, account }: RabbitmqAccessInput,
  rabbitmq: Rabbitmq,
): Promise<readonly string[]> {
  const found: string[] = []
  if (await rabbitmq.hasUser(user)) found.push(`user ${user}`)
  if (!(await rabbitmq.hasVhost(vhost))) return found
  if (ownVhost) return [...found, `vhost ${vhost}`]
  if (account === undefined) return found
  const { queue, exchange } = accountNames(account)
  if ((await rabbitmq.listQueues(vhost)).includes(queue)) found.push(`queue ${queue}`)
  if ((await rabbitmq.listExchanges(vhost)).includes(exchange)) found.push(`exchange ${exchange}`)
  return found
}

async function differences(wanted: RabbitmqAccessInput, rabbitmq: Rabbitmq): Promise<readonly string[]> {
  const { vhost, user, password } = wanted
  if (!(await rabbitmq.hasUser(user))) return [`user ${user} is missing`]
  if (!(await rabbitmq.hasVhost(vhost))) return [`vhost ${vhost} is missing`]
  const found: string[] = []
  if (!(await rabbitmq.canLogin(user, password))) found.push(`${user} has another password`)
  const rights = await rabbitmq.findPermissions(vhost, user)
  if (!isDeepStrictEqual(rights, { ...permissionsOf(wanted) })) found.push(`rights of ${user} on ${vhost} differ`)
  if (isForwarded(wanted) && !(await rabbitmq.listQueues(vhost)).includes(WORKERS_QUEUE))
    found.push(`queue ${WORKERS_QUEUE} is missing`)
  for (const policy of policiesOf(wanted)) {
    if (!isDeepStrictEqual(await rabbitmq.findPolicy(vhost, policy.name), { ...policy }))
      found.push(`policy ${policy.name} differs`)
  }
  return found
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    // Only whether it is one counts.
    return false
  }
}
