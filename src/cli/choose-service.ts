import { AppError } from '../base/errors.ts'
import { findLogin, type Login } from './logins.ts'

/** What was said about where to go: by option, or by variable of the environment. */
export interface ServiceWish {
  /** A site of this machine was named. */
  readonly site: 'option' | 'variable' | undefined
  readonly url: { readonly text: string; readonly by: 'option' | 'variable' } | undefined
  readonly userid: string | undefined
  /** Of the environment. */
  readonly apikey: string | undefined
  readonly logins: readonly Login[]
}

export type ChosenService =
  /** The site of this machine, as its admin. */
  | { readonly at: 'site' }
  | {
      readonly at: 'url'
      readonly url: string
      readonly userid: string
      readonly apikey: string
      readonly ca: string | undefined
      /** Whether the key comes from a sign-in of before. */
      readonly saved: boolean
    }

/** Options go before variables, these before the last sign-in, and that before the site of this machine. */
export function chooseService(wish: ServiceWish): ChosenService {
  const { site, url, userid, apikey, logins } = wish
  if (site === 'option' && url?.by === 'option') {
    throw new AppError('invalid', 'two-services', '--url and --site or --state name two services: give one of them')
  }
  if (site === 'option') return { at: 'site' }
  if (url !== undefined && (url.by === 'option' || site === undefined)) return atUrl(url.text, userid, apikey, logins)
  if (site !== undefined) return { at: 'site' }
  const last = userid === undefined ? logins[0] : logins.find((login) => login.userid === userid)
  if (last !== undefined) return withLogin(last)
  if (userid !== undefined) {
    throw new AppError(
      'unauthenticated',
      'not-signed-in',
      `${userid} is not signed in anywhere: use ./cloudmgr login URL --userid ${userid}`,
    )
  }
  return { at: 'site' }
}

function atUrl(
  url: string,
  userid: string | undefined,
  apikey: string | undefined,
  logins: readonly Login[],
): ChosenService {
  const login = findLogin(logins, url, userid)
  if (apikey !== undefined && userid !== undefined)
    return { at: 'url', url, userid, apikey, ca: login?.ca, saved: false }
  if (login !== undefined && apikey === undefined) return withLogin(login)
  const missing = apikey === undefined ? 'CLOUDMGR_APIKEY' : '--userid or CLOUDMGR_USERID'
  const text = `${userid === undefined ? 'nobody is' : `${userid} is not`} signed in at ${url}: use ./cloudmgr login ${url} --userid NAME, or give ${missing}`
  throw new AppError('unauthenticated', 'not-signed-in', text, { details: { url } })
}

function withLogin({ url, userid, apikey, ca }: Login): ChosenService {
  return { at: 'url', url, userid, apikey, ca, saved: true }
}
