import type { Phase } from '../catalog/plan.ts'
import type { DeploymentState } from '../deployments/contract.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { order, type OrderOptions } from './orders.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

export interface DeploymentOptions extends GlobalOptions {
  readonly account?: string | undefined
}

interface ShownDeployment {
  readonly instance: string
  readonly account?: string
  readonly state: DeploymentState
  readonly params: Readonly<Record<string, unknown>>
  readonly message?: string
}

/** What was delivered of one plan: the caller's own, an account's, or for admins everybody's. */
export async function listDeployments(plan: string, options: DeploymentOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const found: ShownDeployment[] = []
  for (let after: number | undefined = 0; after !== undefined; ) {
    const query: URLSearchParams = new URLSearchParams({ plan, limit: '500', after: String(after) })
    if (options.account !== undefined) query.set('account', options.account)
    const page: { deployments: ShownDeployment[]; next?: number } = await api.call({
      path: `/api/v2/deployments?${query.toString()}`,
    })
    found.push(...page.deployments)
    after = page.next
  }
  if (options.json === true) printJson(io, found)
  else {
    const rows = found.map(({ instance, account = '', state, params, message = '' }) => [
      instance,
      account,
      state,
      sizeOf(params),
      wordOf(params['role']),
      message,
    ])
    print(io, ...table([['NAME', 'ACCOUNT', 'STATE', 'SIZE', 'ROLE', ''], ...rows]))
  }
  return exitCodes.ok
}

function sizeOf({ size, min, max, autoscale }: Readonly<Record<string, unknown>>): string {
  return autoscale === undefined || autoscale === 'none' ? wordOf(size) : `${wordOf(min)}..${wordOf(max)}`
}

function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

export interface NamedOrderOptions extends OrderOptions {
  readonly size?: number | undefined
  readonly role?: string | undefined
}

/** An order whose usual parameters are words of their own. */
export async function orderNamed(
  phase: Phase,
  plan: string,
  named: Readonly<Record<string, string>>,
  options: NamedOrderOptions,
  io: Io,
): Promise<ExitCode> {
  const { size, role } = options
  const said = {
    ...named,
    ...(size === undefined ? {} : { size: String(size) }),
    ...(role === undefined ? {} : { role }),
  }
  const param = [...Object.entries(said).map(([name, value]) => `${name}=${value}`), ...(options.param ?? [])]
  return await order(phase, plan, { ...options, param }, io)
}
