import type { Accounts } from '../accounts/accounts.ts'
import { deleteAccount, findAccountById } from '../accounts/store.ts'
import type { Db } from '../db/database.ts'
import type { Deployments } from './deployments.ts'
import { secretsOf } from './settings.ts'
import type { SiteFacts } from './site-facts.ts'
import { deleteDeployments } from './store.ts'

/** What the engine tells of a command; `subject` is the account. */
export interface Delivery {
  readonly plan: string
  readonly phase: 'install' | 'update' | 'remove'
  readonly params: Readonly<Record<string, unknown>>
  readonly subject: number | undefined
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly message: string | undefined
}

export interface LifecycleDeps {
  readonly db: Db
  readonly accounts: Accounts
  readonly deployments: Deployments
  readonly site: SiteFacts
}

/** What the engine asks of an account's deployment: before its steps run, for their placeholders, and after them. */
export interface Lifecycle {
  /** In the transaction that makes the tasks: done once per command, so that a rotation happens once. */
  prepare(command: Delivery, tx: Db): Promise<void>
  /** Values of `${…}` and the secrets among them, made when a task runs: they never lie in a row in clear. */
  context(command: Delivery): Promise<{ values: Record<string, unknown>; secrets: string[] }>
  /** In the transaction that ends the command. */
  finished(command: Delivery, tx: Db): Promise<void>
}

export function createLifecycle(deps: LifecycleDeps): Lifecycle {
  const { db, accounts, deployments, site } = deps
  return {
    prepare: async ({ plan, phase, params, subject }, tx) => {
      const account = subject === undefined ? undefined : await findAccountById(tx, subject)
      if (account === undefined) return
      if (phase === 'remove') return await deployments.beginRemoval(tx, account.id, plan)
      await deployments.ensurePending(tx, account, plan)
      if (params['rotate'] === true) await deployments.renewPasswords(tx, account, plan)
    },

    context: async ({ plan, params, subject }) => {
      const account = subject === undefined ? undefined : await findAccountById(db, subject)
      const settings = account === undefined ? undefined : await deployments.storedSettings(db, account.id, plan)
      return {
        values: {
          site: siteValues(site),
          params,
          ...(account === undefined ? {} : { account: { id: account.id, name: account.name, email: account.email } }),
          ...(settings === undefined ? {} : { settings }),
        },
        secrets: settings === undefined ? [] : secretsOf(settings),
      }
    },

    finished: async ({ plan, phase, subject, state, message }, tx) => {
      const account = subject === undefined ? undefined : await findAccountById(tx, subject)
      if (account === undefined) return
      if (state === 'failed') return await deployments.settle(tx, account.id, plan, 'failed', message)
      if (phase !== 'remove') return await deployments.settle(tx, account.id, plan, 'completed')
      await deployments.settle(tx, account.id, plan, 'removed')
      if (account.state !== 'removing') return
      await eraseAccount(tx, account.id)
      accounts.forget(account.name)
    },
  }
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
  return { ...site, dnsPeers: [kubeDns, ...blocks] }
}
