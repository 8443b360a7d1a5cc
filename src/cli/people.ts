import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

type Step = 'approve' | 'reject' | 'activate' | 'deactivate'

/** Opens, refuses, switches off or on. */
export async function changeAccount(step: Step, name: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const path = `/api/v2/accounts/${encodeURIComponent(name)}/${step}`
  const account = await api.call<{ status: string } | undefined>({ method: 'POST', path, body: {} })
  const status = step === 'reject' ? 'removed' : account?.status
  if (options.json === true) printJson(io, { userid: name, status })
  else print(io, `account ${name} is ${status}`)
  return exitCodes.ok
}

interface KeyView {
  readonly id: number
  readonly name: string
  readonly main: boolean
  readonly expiresAt?: string
  readonly lastUsedAt?: string
}

const keysOf = (account: string) => `/api/v2/accounts/${encodeURIComponent(account)}/keys`

export async function listKeys(account: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const { keys } = await api.call<{ keys: KeyView[] }>({ path: keysOf(account) })
  if (options.json === true) printJson(io, keys)
  else {
    const rows = keys.map(({ id, name, expiresAt, lastUsedAt }) => [
      String(id),
      name,
      expiresAt ?? 'never',
      lastUsedAt ?? 'never',
    ])
    print(io, ...table([['ID', 'NAME', 'ENDS', 'LAST USED'], ...rows]))
  }
  return exitCodes.ok
}

export interface KeyOptions extends GlobalOptions {
  readonly expires?: string | undefined
}

/** A key of the caller's own: nobody makes keys of others. */
export async function createKey(name: string, options: KeyOptions, io: Io): Promise<ExitCode> {
  const { api, userid } = await connect(options, io)
  const body = { name, ...(options.expires === undefined ? {} : { expiresAt: options.expires }) }
  const key = await api.call<KeyView & { apikey: string }>({ method: 'POST', path: keysOf(userid), body })
  if (options.json === true) printJson(io, key)
  else print(io, `key ${key.name} of ${userid}, told this once: ${key.apikey}`)
  return exitCodes.ok
}

export async function revokeKey(account: string, id: number, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  await api.call({ method: 'DELETE', path: `${keysOf(account)}/${id}` })
  if (options.json === true) printJson(io, { account, id, status: 'revoked' })
  else print(io, `key ${id} of ${account} no longer works`)
  return exitCodes.ok
}

export interface AuditOptions extends GlobalOptions {
  readonly actor?: string | undefined
  readonly subject?: string | undefined
  readonly action?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly limit: number
}

interface AuditEntry {
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly details: Readonly<Record<string, unknown>>
}

/** Who changed what, newest first. */
export async function audit(options: AuditOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const { actor, subject, action, from, to, limit } = options
  const query = new URLSearchParams({ limit: String(limit) })
  for (const [name, value] of Object.entries({ actor, subject, action, from, to })) {
    if (value !== undefined) query.set(name, value)
  }
  const { entries } = await api.call<{ entries: AuditEntry[] }>({ path: `/api/v2/audit?${query.toString()}` })
  if (options.json === true) printJson(io, entries)
  else {
    const rows = entries.map((entry) => [
      entry.at,
      entry.actor,
      entry.action,
      entry.subject,
      JSON.stringify(entry.details),
    ])
    print(io, ...table([['TIME', 'WHO', 'DID', 'TO', 'DETAILS'], ...rows]))
  }
  return exitCodes.ok
}
