import { systemClock } from '../base/clock.ts'
import { randomWord } from '../base/secrets.ts'
import { AppError } from '../base/errors.ts'
import type { AccountView } from '../site/service-api.ts'
import { waitUntilActive, waitUntilDone } from '../site/service-wait.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

export interface CreateOptions extends GlobalOptions {
  readonly email: string
  readonly password?: string | undefined
  readonly admin?: boolean | undefined
  readonly wait?: boolean | undefined
}

/** Makes an account and waits until it can be used. */
export async function createAccount(name: string, options: CreateOptions, io: Io): Promise<ExitCode> {
  const { url: apiUrl, api } = await connect(options, io)
  const began = io.now()
  const password = options.password ?? randomWord(16)
  const admin = options.admin === true
  const created = await api.createAccount({
    userid: name,
    email: options.email,
    password,
    role: admin ? 'admin' : 'user',
  })
  const waiting = (reason: string | undefined) => {
    if (reason !== undefined && options.json !== true && io.out.isTTY === true) io.err.write(`waiting for ${reason}\n`)
  }
  const follow = { waiting: onChange(waiting), signal: io.interrupted }
  const status =
    admin || options.wait === false
      ? created.status
      : (await waitUntilActive(api, name, systemClock.sleep.bind(systemClock), follow)).status
  const readySeconds = Math.round((io.now() - began) / 100) / 10
  const { userid, apikey } = created
  if (options.json === true) printJson(io, { userid, apikey, apiUrl, status, readySeconds })
  else {
    const secret = options.password === undefined ? [`  password   ${password}`] : []
    print(io, `account ${userid} is ${status} after ${readySeconds} s`, `  API key    ${apikey}`, ...secret)
    print(io, `  om cloud login ${userid} ${apikey} --apiurl ${apiUrl}`)
  }
  return exitCodes.ok
}

function onChange(say: (reason: string | undefined) => void): (reason: string | undefined) => void {
  let last: string | undefined
  return (reason) => {
    if (reason !== last) say(reason)
    last = reason
  }
}

export async function listAccounts(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const accounts = await api.listAccounts()
  if (options.json === true) printJson(io, accounts)
  else {
    const rows = accounts.map((account) => [account.userid, account.role ?? '', account.status, account.email ?? ''])
    print(io, ...table([['NAME', 'ROLE', 'STATUS', 'MAIL'], ...rows]))
  }
  return exitCodes.ok
}

export async function showAccount(typed: string | undefined, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api, userid } = await connect(options, io)
  const path = `/api/v2/accounts/${encodeURIComponent(typed ?? userid)}`
  const account = await api.call<AccountView>({ path })
  if (options.json === true) printJson(io, account)
  else
    print(
      io,
      ...table(
        Object.entries(account).map(([field, value]) => [
          field,
          typeof value === 'string' ? value : JSON.stringify(value),
        ]),
      ),
    )
  return exitCodes.ok
}

export async function rotateAccount(name: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api, url: apiUrl, userid: caller, renewed } = await connect(options, io)
  const { userid, apikey, status, command } = await api.rotateAccount(name)
  const after = userid === caller && apikey !== undefined ? renewed(apikey) : api
  if (command !== undefined) await waitUntilDone(after, command, systemClock.sleep.bind(systemClock), io.interrupted)
  const next =
    apikey === undefined
      ? `${userid} is told the new key alone: at ${apiUrl}, signed in`
      : `om cloud login ${userid} ${apikey} --apiurl ${apiUrl}`
  if (options.json === true) printJson(io, { userid, ...(apikey === undefined ? {} : { apikey }), apiUrl, status })
  else print(io, `account ${userid} has new credentials, the old ones no longer work`, `  ${next}`)
  return exitCodes.ok
}

export interface RemoveOptions extends GlobalOptions {
  readonly yes?: boolean | undefined
  readonly wait?: boolean | undefined
}

/** Takes the account and all its data away, and waits until it is gone. */
export async function removeAccount(name: string, options: RemoveOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  if (options.yes !== true) {
    const answer = await io.ask(
      `This deletes account ${name} with its data, models and notebooks. Type its name to go on: `,
    )
    if (answer?.trim() !== name) {
      throw new AppError(
        'invalid',
        'not-confirmed',
        `nothing was removed: type the account's name (${name}) when asked, or give --yes`,
      )
    }
  }
  await api.removeAccount(name)
  while (options.wait !== false) {
    const account = await api.findAccount(name)
    if (account === undefined || account.status === 'removed') break
    if (account.status === 'failed') {
      throw new AppError(
        'conflict',
        'removal-failed',
        `removing ${name} failed: ${account.statusDetail ?? 'see cloudmgr command list'}`,
      )
    }
    await systemClock.sleep(250, io.interrupted)
  }
  if (options.json === true) printJson(io, { userid: name, status: options.wait === false ? 'removing' : 'removed' })
  else print(io, options.wait === false ? `account ${name} is being removed` : `account ${name} is removed`)
  return exitCodes.ok
}
