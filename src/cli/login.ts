import { AppError } from '../base/errors.ts'
import { isOpenToReaders, serviceAddress } from '../site/service-address.ts'
import type { AccountView } from '../site/service-api.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { findLogin, loginsFile, readLogins, withLogin, writeLogins } from './logins.ts'
import { connect, readAuthority } from './service.ts'
import { table } from './table.ts'

export interface LoginOptions extends GlobalOptions {
  readonly allowHttp?: boolean | undefined
}

/** Signs in at a service by its URL; the key is asked for, read from the input or from CLOUDMGR_APIKEY. */
export async function login(text: string, options: LoginOptions, io: Io): Promise<ExitCode> {
  const { userid } = options
  if (userid === undefined || userid === '') {
    throw new AppError('invalid', 'userid-missing', 'who signs in? Give --userid NAME', {
      details: { field: 'userid' },
    })
  }
  const ca = options.ca === undefined ? undefined : readAuthority(options.ca)
  const address = serviceAddress(text, ca)
  if (isOpenToReaders(address) && options.allowHttp !== true) {
    const why = `${address.url} is not encrypted: the key could be read on the way`
    throw new AppError('invalid', 'url-not-encrypted', `${why}; use https://, or --allow-http if nobody can`, {
      details: { field: 'url', value: address.url },
    })
  }
  const logins = readLogins()
  const apikey = process.env['CLOUDMGR_APIKEY'] ?? (await io.secret(`API key of ${userid} at ${address.url}: `)) ?? ''
  if (/^[^:]+:[^:]+$/.test(apikey)) {
    const right = 'right is the key alone; the name before the colon belongs into --userid'
    throw new AppError('invalid', 'apikey-malformed', `no API key has a colon in it: ${right}`, {
      details: { field: 'apikey' },
    })
  }
  if (!/^[\x21-\x7e]{1,200}$/.test(apikey)) {
    const right = 'right is one line, typed when asked, on the input, or in CLOUDMGR_APIKEY'
    throw new AppError('invalid', 'apikey-missing', `no API key was given: ${right}`, { details: { field: 'apikey' } })
  }
  const account = await io.service(address, { kind: 'apikey', userid, apikey }).findAccount(userid)
  if (account === undefined) throw new AppError('not-found', 'no-account', `there is no account ${userid}`)
  const { url } = address
  writeLogins(withLogin(logins, { url, userid, apikey, ...(ca === undefined ? {} : { ca }) }))
  const { role, status } = account
  if (options.json === true) printJson(io, { url, userid, role, status })
  else print(io, `signed in at ${url} as ${userid} (${role}); kept in ${loginsFile()}`)
  return exitCodes.ok
}

/** Forgets a sign-in: the named one, or the last one. The key itself stays good. */
export async function logout(text: string | undefined, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const logins = readLogins()
  const { userid } = options
  const url = text === undefined ? logins[0]?.url : serviceAddress(text).url
  const gone = url === undefined ? undefined : findLogin(logins, url, userid)
  if (gone === undefined) {
    const who = `${userid === undefined ? 'nobody is' : `${userid} is not`} signed in${url === undefined ? '' : ` at ${url}`}`
    throw new AppError('not-found', 'not-signed-in', `${who}: there is nothing to forget`)
  }
  writeLogins(logins.filter((one) => one !== gone))
  if (options.json === true) printJson(io, { url: gone.url, userid: gone.userid })
  else print(io, `signed out of ${gone.url} as ${gone.userid}; the key itself still works (see cloudmgr key)`)
  return exitCodes.ok
}

/** Where the words go, and as whom. */
export async function whoami(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api, url, userid, from } = await connect(options, io)
  const account: AccountView | undefined = await api.findAccount(userid)
  const { role = '', status = '', email = '' } = account ?? {}
  if (options.json === true) printJson(io, { url, userid, from, role, status, email })
  else {
    const others = readLogins().filter((one) => one.url !== url || one.userid !== userid)
    const also = others.map((one) => ['also', `${one.userid} at ${one.url}`])
    const rows = [
      ['site', url],
      ['userid', userid],
      ['role', role],
      ['status', status],
      ['mail', email],
      ['key from', from],
    ]
    print(io, ...table([...rows, ...also]))
  }
  return exitCodes.ok
}
