import type { AccountStatusView } from '../status/contract.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

export interface AccountStatusOptions extends GlobalOptions {
  readonly account?: string | undefined
  /** Such as the name of a group: what it has. */
  readonly qualifier?: string | undefined
}

interface ShownDeployment {
  readonly plan: string
  readonly instance: string
  readonly state: string
  readonly message?: string
}

const pathOf = (name: string) => `/api/v2/accounts/${encodeURIComponent(name)}`

const queryOf = ({ qualifier }: AccountStatusOptions) =>
  new URLSearchParams(qualifier === undefined ? {} : { qualifier }).toString()

/** What was delivered to an account and what runs of it. */
export async function accountStatus(options: AccountStatusOptions, io: Io): Promise<ExitCode> {
  const { api, url, userid } = await connect(options, io)
  const name = options.account ?? userid
  const [account, runs, { deployments }] = await Promise.all([
    api.call<{ status: string; statusDetail?: string }>({ path: pathOf(name) }),
    api.call<AccountStatusView>({ path: `${pathOf(name)}/status?${queryOf(options)}` }),
    api.call<{ deployments: ShownDeployment[] }>({
      path: `/api/v2/deployments?limit=500&account=${encodeURIComponent(name)}`,
    }),
  ])
  if (options.json === true) {
    printJson(io, { url, status: account.status, deployments, ...runs })
    return exitCodes.ok
  }
  const about = account.statusDetail === undefined ? '' : ` (${account.statusDetail})`
  print(io, `${name} at ${url}: ${account.status}${about}`)
  section(
    io,
    'Services',
    deployments.map(({ plan, instance, state, message = '' }) => [`${plan} ${instance}`.trim(), state, message]),
  )
  section(
    io,
    'Pods',
    (runs.pods ?? []).map(({ name: pod, status, node, waiting = '', cluster = '' }) => [
      pod,
      status,
      node ?? waiting,
      cluster,
    ]),
  )
  section(
    io,
    'Workers',
    (runs.workers ?? []).map(({ name: worker, queues }) => [worker, queues.join(', ')]),
  )
  if (runs.database !== null) print(io, '', `Database  ${Math.round(runs.database.bytes / 1e4) / 100} MB`)
  if (runs.notebook !== null) print(io, `Notebook  ${runs.notebook}`)
  for (const { part, message } of runs.problems) print(io, `could not look at ${part}: ${message}`)
  return exitCodes.ok
}

function section(io: Io, title: string, rows: readonly string[][]): void {
  if (rows.length > 0) print(io, '', title, ...table(rows).map((line) => `  ${line}`))
}

export interface PodLogsOptions extends AccountStatusOptions {
  readonly lines: number
}

/** What a pod of an account says; without a name, all of them. */
export async function podLogs(pod: string | undefined, options: PodLogsOptions, io: Io): Promise<ExitCode> {
  const { api, userid } = await connect(options, io)
  const path = pathOf(options.account ?? userid)
  const query = queryOf(options)
  const names = pod === undefined ? await podNames() : [pod]
  const found = await Promise.all(
    names.map(async (name) => {
      const { text } = await api.call<{ text: string }>({
        path: `${path}/pods/${encodeURIComponent(name)}/log?${query}`,
      })
      return { source: name, lines: text.trimEnd().split('\n').slice(-options.lines) }
    }),
  )
  if (options.json === true) printJson(io, found)
  else if (found.length === 0) print(io, 'nothing runs')
  else for (const { source, lines } of found) print(io, `== ${source}`, ...lines, '')
  return exitCodes.ok

  async function podNames(): Promise<string[]> {
    const { pods } = await api.call<AccountStatusView>({ path: `${path}/status?${query}` })
    return (pods ?? []).map(({ name }) => name)
  }
}
