import { type Account, planOf } from '../accounts/account.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { hashApiKey } from '../accounts/api-key.ts'
import { deleteAccount, findAccount, findAccountById } from '../accounts/store.ts'
import { AppError } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import { sealedPart } from '../catalog/parameters.ts'
import type { Phase, Plan, Plans, Values } from '../catalog/plan.ts'
import { placeholders, resolveGiven } from '../catalog/resolve.ts'
import type { Db } from '../db/database.ts'
import { accountValues } from './account-values.ts'
import type { Deployments } from './deployments.ts'
import { nameOf, openNeeds } from './needs.ts'
import { secretsOf, type Settings } from './settings.ts'
import type { SiteFacts } from './site-facts.ts'
import { deleteDeployments, findDeployment, listDeployments } from './store.ts'

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
    remembered: async ({ plan, instance, subject }) => {
      if (subject === undefined) return {}
      return (await findDeployment(db, subject, plan, instance))?.params ?? {}
    },

    prepare: async (command, tx) => {
      const account = command.subject === undefined ? undefined : await findAccountById(tx, command.subject)
      if (account === undefined) return
      const { plan: name, instance, phase, params } = command
      const plan = deps.plans.get(name)
      if (plan !== undefined) await checkAgain(command, plan, account, tx)
      if (phase === 'remove') {
        // What starts from now on does without it: a volume in use never goes.
        await deployments.addToSettings(tx, account, nameOf(command), undefined)
        return await deployments.beginRemoval(tx, account.id, name, instance)
      }
      await deployments.ensurePending(tx, account, name, instance)
      if (params['rotate'] === true) await deployments.renewPasswords(tx, account, name)
    },

    context: async (command) => await contextOf(deps, command),

    finished: async (command, tx) => {
      const account = command.subject === undefined ? undefined : await findAccountById(tx, command.subject)
      if (account !== undefined) await settle(deps, command, account, tx)
    },
  }
}

/** Rows are written by the API; what it checked is checked again where something happens, when it happens. */
async function checkAgain(command: Delivery, plan: Plan, account: Account, tx: Db): Promise<void> {
  const { phase, params, instance } = command
  const requester = await findAccount(tx, command.requestedBy)
  if (requester?.role === 'user') checkRights(requester, plan, account)
  const row = await findDeployment(tx, account.id, plan.plan, instance)
  if (row?.suspendedAt !== undefined && (phase === 'install' || phase === 'update')) throw suspended(plan, instance)
  if (phase === 'remove') return
  // The install before it has failed: with half of its parameters it would become another thing.
  if (phase !== 'install' && row?.readyAt === undefined && plan.plan !== planOf(account))
    throw neverDelivered(plan, instance, phase)
  const held = (await listDeployments(tx, [account.id])).filter((one) => one.readyAt !== undefined)
  const [open] = openNeeds(plan, params, held)
  if (open === undefined) return await checkOther(command, plan, tx)
  const wanted = Object.entries(open.params).map(([name, value]) => `${name} ${String(value)}`)
  const how = wanted.length === 0 ? '' : ` with ${wanted.join(', ')}`
  const text = `${nameOf({ plan: plan.plan, instance })} needs ${nameOf(open)}${how}, which account ${account.name} does not have`
  throw new AppError('conflict', 'need-missing', text, { details: { needs: { ...open } } })
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

function checkRights(requester: Account, plan: Plan, account: Account): void {
  // Of a group's own service its membership decides, which the order itself may have ended: who leaves renews passwords.
  const ofGroup = account.role === 'group' && plan.plan === planOf(account)
  if (requester.id !== account.id && !ofGroup)
    throw new AppError('forbidden', 'not-your-account', `${requester.name} may not order for ${account.name}`)
  if (plan.orderable === 'admin' && plan.plan !== planOf(account))
    throw new AppError('forbidden', 'plan-not-orderable', `${plan.plan} is ordered by admins, not by ${requester.name}`)
}

function neverDelivered(plan: Plan, instance: string, phase: Phase): AppError {
  const name = nameOf({ plan: plan.plan, instance })
  return new AppError('conflict', 'service-unknown', `there is no ${name} to ${phase}: it was never delivered`)
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
  if (account === undefined) return { values: { site: siteValues(site), params: command.params }, secrets: [] }
  const own = await deployments.storedSettings(db, account.id, command.plan)
  const settings = own ?? (await deployments.storedSettings(db, account.id, planOf(account) ?? command.plan))
  const opened = plan === undefined ? command.params : deployments.openParams(plan, account.id, command.params)
  const params = { ...opened, ...(command.phase === 'suspend' ? plan?.suspended : {}) }
  const other = plan?.other === undefined ? undefined : await otherSettings(deps, command.params[plan.other])
  const apikey = plan !== undefined && usesApiKey(plan) ? await apiKeyFor(deps, command, account) : undefined
  return {
    values: {
      site: siteValues(site),
      params,
      instance: command.instance,
      account: { ...accountValues(account), ...(apikey === undefined ? {} : { apikey, keyId: keyIdOf(apikey) }) },
      ...(settings === undefined ? {} : { settings }),
      ...(other === undefined ? {} : { other: { settings: other } }),
    },
    secrets: [
      ...(settings === undefined ? [] : secretsOf(settings)),
      ...(other === undefined ? [] : secretsOf(other)),
      ...(apikey === undefined || apikey === '' ? [] : [apikey]),
      ...secretParams(plan, opened),
    ],
  }
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
  const { deployments, site } = deps
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
  if (plan?.settings === undefined) return
  const values = { params: withoutSealed(kept), site: siteValues(site), account: accountValues(account), instance }
  const addition = resolveGiven(plan.settings, values, { plan: name, step: 'settings', field: 'settings' }) as Values
  await deployments.addToSettings(tx, account, nameOf(command), suspending ? undefined : addition)
}

function withoutSealed(params: Values): Values {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => sealedPart(value) === undefined))
}

/** The name is free again; its commands stay as history. */
export async function eraseAccount(tx: Db, id: number): Promise<void> {
  await deleteDeployments(tx, id)
  await deleteAccount(tx, id)
}

/** The facts, and what manifests need in Kubernetes' own shape. */
function siteValues(site: SiteFacts): Record<string, unknown> {
  const named = [...site.network.dns, ...(site.dnsAddress === undefined ? [] : [site.dnsAddress])]
  const ranges = new Set(named.map((address) => (address.includes('/') ? address : `${address}/32`)))
  const blocks = [...ranges].map((cidr) => ({ ipBlock: { cidr } }))
  const kubeDns = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
    podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
  }
  return { ...site, dnsPeers: [kubeDns, ...blocks], dnsCidrs: [...ranges] }
}
