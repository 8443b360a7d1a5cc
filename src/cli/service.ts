import { readFileSync } from 'node:fs'
import { AppError } from '../base/errors.ts'
import { serviceAddress, siteAddress } from '../site/service-address.ts'
import type { ServiceApi } from '../site/service-api.ts'
import { chooseService, type ChosenService } from './choose-service.ts'
import { type GlobalOptions, type Io, type OpenSite, openSite } from './io.ts'
import { readLogins, withLogin, writeLogins } from './logins.ts'

/** The service that the words go to, and who speaks there. */
export interface Connection {
  readonly api: ServiceApi
  /** Of the API, for people and the omega-ml client. */
  readonly url: string
  readonly userid: string
  /** Where the key comes from. */
  readonly from: 'site' | 'login' | 'environment'
  /** The service with a key that has replaced the caller's; kept where a sign-in was kept. */
  readonly renewed: (apikey: string) => ServiceApi
}

/** The service as whoever is signed in there, or the site of this machine as its admin. */
export async function connect(options: GlobalOptions, io: Io): Promise<Connection> {
  const chosen = choose(options)
  return chosen.at === 'site' ? await connectToSite(options, io) : connectTo(chosen, options, io)
}

/** Whether the words go to a service by its URL, not to the site of this machine. */
export function isElsewhere(options: GlobalOptions): boolean {
  return choose(options).at === 'url'
}

async function connectToSite(options: GlobalOptions, io: Io): Promise<Connection> {
  const { site, paths } = localSite(options)
  const address = siteAddress(site)
  const operator = await io.operator()
  const { adminApikey } = operator.secrets(paths)
  const front = operator.front(site, paths)
  const renewed = (apikey: string) => io.service(front, { kind: 'apikey', userid: 'admin', apikey })
  return { api: renewed(adminApikey), url: address.url, userid: 'admin', from: 'site', renewed }
}

function connectTo(chosen: ChosenService & { at: 'url' }, options: GlobalOptions, io: Io): Connection {
  const { userid, apikey, saved } = chosen
  const ca = options.ca === undefined ? chosen.ca : readAuthority(options.ca)
  const address = serviceAddress(chosen.url, ca)
  const { url } = address
  const as = (key: string) => io.service(address, { kind: 'apikey', userid, apikey: key })
  const renewed = (key: string) => {
    if (saved) {
      writeLogins(withLogin(readLogins(), { url, userid, apikey: key, ...(ca === undefined ? {} : { ca }) }))
    }
    return as(key)
  }
  return { api: as(apikey), url, userid, from: saved ? 'login' : 'environment', renewed }
}

function choose({ site, state, url, userid, sources }: GlobalOptions): ChosenService {
  const by = (source: string | undefined) =>
    source === 'cli' ? ('option' as const) : source === 'env' ? ('variable' as const) : undefined
  const urlBy = by(sources?.url)
  return chooseService({
    // Who calls these words from code names the site.
    site: sources === undefined || state !== undefined ? 'option' : site === undefined ? undefined : by(sources.site),
    url: url === undefined || urlBy === undefined ? undefined : { text: serviceAddress(url).url, by: urlBy },
    userid,
    apikey: process.env['CLOUDMGR_APIKEY'],
    logins: readLogins(),
  })
}

function localSite(options: GlobalOptions): OpenSite {
  try {
    return openSite(options)
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.kind !== 'not-found' || options.sources?.site !== 'default') throw cause
    const text = 'there is no site on this machine, and nobody is signed in at one elsewhere'
    const next = './cloudmgr up makes one, ./cloudmgr login URL --userid NAME goes to another'
    throw new AppError('not-found', cause.code, `${text}: ${next}`)
  }
}

/** The PEM text of a file with certificates. */
export function readAuthority(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AppError('not-found', 'ca-missing', `reading the authority ${file}`, { cause })
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new AppError(
    'invalid',
    'ca-wrong',
    `${file} holds no certificate: right is a PEM file, as ./cloudmgr ca prints`,
    {
      details: { field: 'ca', value: file },
    },
  )
}
