import { type Account, planOf, SIGN_UP_PLAN } from '../accounts/account.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { hashApiKey } from '../accounts/api-key.ts'
import { roleInGroupOf } from '../accounts/group-store.ts'
import { deleteAccount, findAccount, findAccountById } from '../accounts/store.ts'
import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import { sealedPart } from '../catalog/parameters.ts'
import { leavesNothing, type Phase, type Plan, type Plans, type Values } from '../catalog/plan.ts'
import { paramValues, placeholders, resolve, resolveGiven } from '../catalog/resolve.ts'
import type { Db } from '../db/database.ts'
import { accountValues } from './account-values.ts'
import type { Deployments } from './deployments.ts'
import { instanceOf, nameOf, openNeeds, usersOf } from './needs.ts'
import { qualifierOf } from './own-databases.ts'
import { secretsOf, type Settings } from './settings.ts'
import { SHARE } from './shares.ts'
import type { SiteFacts } from './site-facts.ts'
import { homeOf, placeValues } from './place-values.ts'
import { siteValues } from './site-values.ts'
import {
  type DeploymentRow,
  deleteDeployments,
  findDeployment,
  listDeployments,
  presentDeployments,
  readyDeployments,
} from './store.ts'

/** What the engine tells of a command; `subject` is the account. */
export interface Delivery {
  readonly id: number
  readonly plan: string
  readonly instance: string
  readonly phase: Phase
  readonly params: Values
  readonly subject: number | undefined
  readonly requestedBy: string
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly message: string | undefined
}

export interface LifecycleDeps {
  readonly db: Db
  readonly accounts: Accounts
  readonly deployments: Deployments
  readonly site: SiteFacts
  readonly plans: Plans
}

/** What the engine asks of an account's deployment: before its steps run, for their placeholders, and after them. */
export interface Lifecycle {
  /** What was delivered last: it holds where an order says nothing else. */
  remembered(command: Delivery): Promise<Values>
  /** In the transaction that makes the tasks: done once per command, so that a rotation happens once. */
  prepare(command: Delivery, tx: Db): Promise<void>
  /** Values of `${…}` and the secrets among them, made when a task runs: they never lie in a row in clear. */
  context(command: Delivery): Promise<{ values: Record<string, unknown>; secrets: string[] }>
  /** In the transaction that ends the command. */
  finished(command: Delivery, tx: Db): Promise<void>
}

export function createLifecycle(deps: LifecycleDeps): Lifecycle {
  const { db, deployments } = deps
  return {
    remembered: async (command) => {
      if (command.subject === undefined) return {}
      const row = await findDeployment(db, command.subject, command.plan, command.instance)
      // Nothing is remembered of what was never delivered: that is the reason then, not the parameters that it lacks.
      checkDelivered(command, await findAccountById(db, command.subject), row)
      return row?.params ?? {}
    },

    prepare: async (command, tx) => {
      const account = command.subject === undefined ? undefined : await findAccountById(tx, command.subject)
      if (account === undefined) return
      const { plan: name, instance, phase, params } = command
      const plan = deps.plans.get(name)
      if (plan !== undefined) await checkAgain(command, plan, account, deps, tx)
      if (phase === 'remove') {
        if (account.state === 'removing' && name === planOf(account)) await checkOthersGone(account, tx)
        // What starts from now on does without it: a volume in use never goes.
        await deployments.addToSettings(tx, account, nameOf(command), undefined)
        await deployments.setDatabase(tx, account, nameOf(command), undefined)
        if (name === SHARE) await deployments.shares.end(tx, account, instance)
        return await deployments.beginRemoval(tx, account.id, name, instance)
      }
      if (plan !== undefined && leavesNothing(plan)) return await announceOwn(deps, command, account, tx)
      await deployments.ensurePending(tx, account, name, instance)
      // First nothing starts any more, then what runs is stopped.
      if (plan !== undefined && phase === 'suspend') await addSettings(deps, plan, command, account, tx)
      const rotate = params['rotate'] === true
      if (name === SHARE) return await deployments.shares.prepare(tx, account, instance, { rotate })
      if (rotate) await deployments.renewPasswords(tx, account, name, instance)
    },

    context: async (command) => await contextOf(deps, command),

    finished: async (command, tx) => {
      const account = command.subject === undefined ? undefined : await findAccountById(tx, command.subject)
      if (account !== undefined) await settle(deps, command, account, tx)
    },
  }
}

/** Rows are written by the API; what it checked is checked again where something happens, when it happens. */
async function checkAgain(
  command: Delivery,
  plan: Plan,
  account: Account,
  { plans }: LifecycleDeps,
  tx: Db,
): Promise<void> {
  const { phase, params, instance } = command
  const requester = await findAccount(tx, command.requestedBy)
  if (requester?.role === 'user' && !isOfGrantee(command, requester)) await checkRights(requester, plan, account, tx)
  const row = await findDeployment(tx, account.id, plan.plan, instance)
  if (row?.suspendedAt !== undefined && (phase === 'install' || phase === 'update')) throw suspended(plan, instance)
  if (phase === 'remove')
    return isForced(plan, phase, params) ? undefined : await checkNoUsers(plans, plan, instance, tx)
  checkDelivered(command, account, row)
  const held = (await listDeployments(tx, [account.id])).filter((one) => one.readyAt !== undefined)
  const shared = plan.needs.filter((need) => need.anyone).map((need) => need.plan)
  const others = shared.length === 0 ? [] : await readyDeployments(tx, shared)
  const [open] = openNeeds(plan, params, held, others)
  if (open === undefined) return await checkOther(command, plan, tx)
  const wanted = Object.entries(open.params).map(([name, value]) => `${name} ${String(value)}`)
  const how = wanted.length === 0 ? '' : ` with ${wanted.join(', ')}`
  const text = `${nameOf({ plan: plan.plan, instance })} needs ${nameOf(open)}${how}, which account ${account.name} does not have`
  throw new AppError('conflict', 'need-missing', text, { details: { needs: { ...open } } })
}

/** What other accounts stand on stays: also when they came after the order. */
async function checkNoUsers(plans: Plans, plan: Plan, instance: string, tx: Db): Promise<void> {
  const needing = [...plans.values()].filter((one) => one.needs.some((need) => need.anyone && need.plan === plan.plan))
  if (needing.length === 0) return
  const names = needing.map((one) => one.plan)
  const rows = await presentDeployments(tx, names)
  const [user] = usersOf({ plan: plan.plan, instance, params: {} }, plans, rows, { removed: true })
  if (user === undefined) return
  const name = nameOf({ plan: plan.plan, instance })
  throw new AppError('conflict', 'service-in-use', `${name} can't be removed: ${nameOf(user)} of an account needs it`)
}

/** An account's own plan goes last: what else it has would be left without namespace and settings. */
async function checkOthersGone(account: Account, tx: Db): Promise<void> {
  const rows = (await listDeployments(tx, [account.id])).filter((row) => row.status !== Status.removed)
  const others = rows.filter(({ plan }) => plan !== planOf(account)).map(nameOf)
  if (others.length === 0) return
  const text = `${others.join(', ')} of account ${account.name} is still there, as its removal has not ended well: remove the account again`
  throw new AppError('conflict', 'services-left', text, { details: { others } })
}

/** Of a sign-up: what it will order is listed from now on, and tells how it goes. */
async function announceOwn({ deployments }: LifecycleDeps, { plan }: Delivery, account: Account, tx: Db) {
  const own = planOf(account)
  if (plan === SIGN_UP_PLAN && own !== undefined) await deployments.announce(tx, account.id, own)
}

/** What it was to order is not on its way. */
async function signUpFailed({ deployments }: LifecycleDeps, { message }: Delivery, account: Account, tx: Db) {
  const own = planOf(account)
  if (own === undefined || (await findDeployment(tx, account.id, own))?.readyAt !== undefined) return
  await deployments.announce(tx, account.id, own)
  await deployments.settle(tx, account.id, own, { instance: '', outcome: 'failed', message })
}

/** The other account that a plan works with is there, and has something to work with. */
async function checkOther({ params }: Delivery, plan: Plan, tx: Db): Promise<void> {
  if (plan.other === undefined) return
  const name = String(params[plan.other])
  const account = await findAccount(tx, name)
  const row = account === undefined ? undefined : await findDeployment(tx, account.id, 'omegaml')
  if (row?.readyAt !== undefined) return
  throw new AppError(
    'not-found',
    'account-unknown',
    `${plan.other}: there is no account ${JSON.stringify(name)} with a store`,
  )
}

/** Who has been given a share may renew its passwords and give it back: when its own credentials change, or it goes. */
function isOfGrantee({ plan, phase, instance }: Delivery, { name }: Account): boolean {
  return plan === SHARE && instance === name && (phase === 'update' || phase === 'remove')
}

async function checkRights(requester: Account, plan: Plan, account: Account, tx: Db): Promise<void> {
  // Of a group's own service its membership decides, which the order itself may have ended: who leaves renews passwords.
  const ofGroup = account.role === 'group' && plan.plan === planOf(account)
  const owns = async () => (await roleInGroupOf(tx, account.id, requester.id)) === 'owner'
  if (requester.id !== account.id && !ofGroup && !(await owns()))
    throw new AppError('forbidden', 'not-your-account', `${requester.name} may not order for ${account.name}`)
  // Whoever comes in asks for their own set-up; our API writes that order, not they.
  const isOwn = plan.plan === planOf(account) || plan.plan === SIGN_UP_PLAN
  if (plan.orderable === 'admin' && !isOwn)
    throw new AppError('forbidden', 'plan-not-orderable', `${plan.plan} is ordered by admins, not by ${requester.name}`)
}

/** A change of what no install has brought: with half of its parameters it would become another thing. */
function checkDelivered(command: Delivery, account: Account | undefined, row: DeploymentRow | undefined): void {
  const { plan, phase } = command
  if (phase === 'install' || phase === 'remove' || row?.readyAt !== undefined) return
  if (account === undefined || plan === planOf(account)) return
  const text = `there is no ${nameOf(command)} to ${phase}: it was never delivered`
  throw new AppError('conflict', 'service-unknown', text)
}

/** Ordered in the moment of the account's removal, or tried again after it. */
function accountGone(): AppError {
  return new AppError('not-found', 'account-unknown', 'there is no account any more that this was ordered for')
}

/** Whether a removal goes on although other accounts use what is removed: it is lost to them already. */
export function isForced({ once }: Plan, phase: Phase, params: Values): boolean {
  return phase === 'remove' && params['force'] === true && once.includes('force')
}

export function suspended(plan: Plan, instance: string): AppError {
  const name = nameOf({ plan: plan.plan, instance })
  return new AppError('conflict', 'service-suspended', `${name} is suspended: resume it first`, {
    details: { field: 'phase', right: 'resume, suspend or remove' },
  })
}

async function contextOf(deps: LifecycleDeps, command: Delivery) {
  const { db, deployments, site, plans } = deps
  const plan = plans.get(command.plan)
  const account = command.subject === undefined ? undefined : await findAccountById(db, command.subject)
  if (account === undefined) {
    if (command.subject !== undefined && command.phase !== 'remove') throw accountGone()
    return { values: { site: siteValues(site), params: command.params, place: homeOf(site) }, secrets: [] }
  }
  const own = await deployments.storedSettings(db, account.id, command.plan, command.instance)
  const main = await deployments.storedSettings(db, account.id, planOf(account) ?? command.plan)
  const settings = own ?? main
  const opened = plan === undefined ? command.params : deployments.openParams(plan, account.id, command.params)
  const params = { ...opened, ...(command.phase === 'suspend' ? plan?.suspended : {}) }
  const other = plan?.other === undefined ? undefined : await otherSettings(deps, command.params[plan.other])
  const share = plan?.plan === SHARE ? await deployments.shares.values(account, command.instance, params) : undefined
  const needs = plan === undefined ? undefined : await neededParams(deps, plan, account, params)
  const apikey = plan !== undefined && usesApiKey(plan) ? await apiKeyFor(deps, command, account) : undefined
  return {
    values: {
      site: siteValues(site),
      place: await placeValues(db, site, params['cluster']),
      ...paramValues(params),
      instance: command.instance,
      account: { ...accountValues(account), ...(apikey === undefined ? {} : { apikey, keyId: keyIdOf(apikey) }) },
      ...(settings === undefined ? {} : { settings }),
      // The account's own store, also for plans that come with credentials of their own.
      ...(main === undefined ? {} : { store: main.qualifiers['default'] }),
      ...(other === undefined ? {} : { other: { settings: other } }),
      ...(share === undefined ? {} : { share: share.values }),
      needs: needs?.values ?? {},
    },
    secrets: [
      ...[own, main].flatMap((one) => (one === undefined ? [] : secretsOf(one))),
      ...(other === undefined ? [] : secretsOf(other)),
      ...(share?.secrets ?? []),
      ...(apikey === undefined || apikey === '' ? [] : [apikey]),
      ...secretParams(plan, opened),
      ...(needs?.secrets ?? []),
    ],
  }
}

/** Parameters of the services that an order names, such as a credential's: opened here, and in no row. */
async function neededParams({ db, deployments, plans }: LifecycleDeps, plan: Plan, account: Account, params: Values) {
  const values: Record<string, Values> = {}
  const secrets: string[] = []
  for (const need of plan.needs) {
    const [instance, other] = [instanceOf(plan, need, params), plans.get(need.plan)]
    if (need.instance === undefined || instance === undefined || other === undefined) continue
    const row = await findDeployment(db, account.id, need.plan, instance)
    if (row === undefined) continue
    const opened = deployments.openParams(other, account.id, row.params)
    values[need.plan] = opened
    secrets.push(...secretParams(other, opened))
  }
  return { values, secrets }
}

async function otherSettings({ db, deployments }: LifecycleDeps, name: unknown): Promise<Settings | undefined> {
  const account = typeof name === 'string' ? await findAccount(db, name) : undefined
  return account === undefined
    ? undefined
    : await deployments.storedSettings(db, account.id, planOf(account) ?? 'omegaml')
}

/** A removal names things and fills nothing in: it must not fail because the key is gone already. */
async function apiKeyFor({ accounts }: LifecycleDeps, { phase }: Delivery, account: Account): Promise<string> {
  return phase === 'remove' ? '' : await accounts.apiKeyOf(account)
}

/** Whether what it delivers signs in as the account. */
function usesApiKey(plan: Plan): boolean {
  return plan.steps.some((step) => placeholders(step.with).some((name) => /^account\.(apikey|keyId)$/.test(name)))
}

/** Tells one key from the next without telling either. */
function keyIdOf(apikey: string): string {
  return hashApiKey(apikey).slice(0, 12)
}

function secretParams(plan: Plan | undefined, params: Values): string[] {
  return (plan?.secrets ?? []).flatMap((name) => (typeof params[name] === 'string' ? [params[name]] : []))
}

async function settle(deps: LifecycleDeps, command: Delivery, account: Account, tx: Db): Promise<void> {
  const { deployments, accounts } = deps
  const { plan: name, instance, phase, state, message } = command
  if (state === 'failed') {
    if (name === SIGN_UP_PLAN) return await signUpFailed(deps, command, account, tx)
    await deployments.settle(tx, account.id, name, { instance, outcome: 'failed', message })
    // The old access may be half gone already; the new one is there.
    if (name === 'omegaml' && phase !== 'remove' && (await everythingMade(command.id, tx)))
      await deployments.switchBroker(tx, account, command.params['vhost'] === true)
    return
  }
  if (phase !== 'remove') return await delivered(deps, command, account, tx)
  await deployments.settle(tx, account.id, name, { instance, outcome: 'removed' })
  // The account goes with the last of what it was delivered.
  const left = (await listDeployments(tx, [account.id])).some((row) => row.status !== Status.removed)
  if (account.active || left) return
  await eraseAccount(tx, account.id)
  accounts.forget(account.name)
}

/** Only taking away what is no longer asked for has failed. */
async function everythingMade(command: number, tx: Db): Promise<boolean> {
  const tasks = await tx.selectFrom('tasks').select(['mode', 'state']).where('command_id', '=', command).execute()
  return tasks.length > 0 && tasks.every(({ mode, state }) => mode === 'remove' || state === 'done')
}

async function delivered(deps: LifecycleDeps, command: Delivery, account: Account, tx: Db): Promise<void> {
  const { deployments } = deps
  const { plan: name, instance, phase, params } = command
  const plan = deps.plans.get(name)
  const kept = Object.fromEntries(Object.entries(params).filter(([one]) => plan?.once.includes(one) !== true))
  const suspending = phase === 'suspend'
  await deployments.settle(tx, account.id, name, {
    instance,
    outcome: 'completed',
    params: kept,
    suspended: suspending,
  })
  if (name === 'omegaml') await deployments.switchBroker(tx, account, params['vhost'] === true)
  if (name === SHARE) await deployments.shares.deliver(tx, account, instance, params)
  if (plan !== undefined) await showDatabase(deps, plan, command, account, tx)
  if (plan !== undefined) await addSettings(deps, plan, { ...command, params: kept }, account, tx)
}

/** What the account's settings say because of this deployment; of one that is suspended, with the parameters of then. */
async function addSettings(deps: LifecycleDeps, plan: Plan, command: Delivery, account: Account, tx: Db) {
  if (plan.settings === undefined) return
  const { instance, phase } = command
  const params = { ...withoutSealed(command.params), ...(phase === 'suspend' ? plan.suspended : {}) }
  const own = { site: siteValues(deps.site), place: { home: params['cluster'] === undefined } }
  const values = { ...paramValues(params), ...own, account: accountValues(account), instance }
  const addition = resolveGiven(plan.settings, values, { plan: plan.plan, step: 'settings', field: 'settings' })
  await deps.deployments.addToSettings(tx, account, nameOf(command), addition as Values)
}

/** From here on the account is told of its database under a qualifier of its own; of one that is suspended it is not. */
async function showDatabase(deps: LifecycleDeps, plan: Plan, command: Delivery, account: Account, tx: Db) {
  const { deployments, site } = deps
  const { instance, params, phase } = command
  const qualifier = qualifierOf(plan, params, instance)
  const settings = await deployments.storedSettings(tx, account.id, plan.plan, instance)
  const access = settings?.qualifiers['default']
  if (plan.qualifier === undefined || qualifier === undefined || access === undefined) return
  const values = { ...paramValues(params), site: siteValues(site), account: accountValues(account), instance }
  const host = String(resolve(plan.qualifier.host, values, { plan: plan.plan, step: 'qualifier', field: 'host' }))
  const { mongouser: user, mongopassword: password, mongodbname: database } = access
  const shown = phase === 'suspend' ? undefined : { qualifier, host, user, password, database }
  await deployments.setDatabase(tx, account, nameOf(command), shown)
}

function withoutSealed(params: Values): Values {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => sealedPart(value) === undefined))
}

/** The name is free again; its commands stay as history. */
export async function eraseAccount(tx: Db, id: number): Promise<void> {
  await deleteDeployments(tx, id)
  await deleteAccount(tx, id)
}
