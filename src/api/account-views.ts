import { type Account, planOf } from '../accounts/account.ts'
import type { AccountView } from '../accounts/contract.ts'
import { deliveryStatus } from '../deployments/delivery.ts'
import { type DeploymentRow, listDeployments } from '../deployments/store.ts'
import type { ApiDeps } from './deps.ts'
import { etagOfAccount } from './etag.ts'

export async function showAccount(deps: ApiDeps, account: Account): Promise<AccountView> {
  const [view] = await showAccounts(deps, [account])
  return view as AccountView
}

/** With the order that follows, where there is one. */
export async function showOpened(
  deps: ApiDeps,
  { account, command }: { account: Account; command: number | undefined },
): Promise<AccountView & { command?: number }> {
  return { ...(await showAccount(deps, account)), ...(command === undefined ? {} : { command }) }
}

export async function showAccounts(deps: ApiDeps, accounts: readonly Account[]): Promise<AccountView[]> {
  const rows = await listDeployments(
    deps.db,
    accounts.map((account) => account.id),
  )
  const byAccount = new Map(rows.map((row) => [`${row.accountId} ${row.plan}`, row]))
  return accounts.map((account) => view(deps, account, byAccount.get(`${account.id} ${planOf(account)}`)))
}

function view(deps: ApiDeps, account: Account, deployment: DeploymentRow | undefined): AccountView {
  return {
    userid: account.name,
    email: account.email,
    mailConfirmed: account.mailConfirmed,
    role: account.role,
    rights: [...account.rights],
    status: deliveryStatus(account, deployment),
    ...(deployment?.message === undefined ? {} : { statusDetail: deployment.message }),
    createdAt: new Date(account.createdAt).toISOString(),
    etag: etagOfAccount(account),
    ...(planOf(account) === 'omegaml' ? { notebookUrl: notebookUrlOf(deps, account) } : {}),
  }
}

export function showCredentials<Key extends string | undefined>(
  deps: ApiDeps,
  account: Account,
  apikey: Key,
  command?: number,
) {
  return {
    userid: account.name,
    apikey,
    apiUrl: deps.site.publicUrl,
    notebookUrl: notebookUrlOf(deps, account),
    ...(command === undefined ? {} : { command }),
  }
}

function notebookUrlOf({ site }: ApiDeps, { name }: Account): string {
  return `${site.notebookUrl.replace(/\/+$/, '')}/user/${name}/tree`
}
