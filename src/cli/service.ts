import type { ServiceApi } from '../site/service-api.ts'
import { type GlobalOptions, type Io, type OpenSite, openSite } from './io.ts'

/** The site's service, spoken to as its admin. */
export async function connectAsAdmin(options: GlobalOptions, io: Io): Promise<OpenSite & { api: ServiceApi }> {
  const open = openSite(options)
  const operator = await io.operator()
  const { adminApikey: apikey } = operator.secrets(open.paths)
  return { ...open, api: operator.service(open.site, { kind: 'apikey', userid: 'admin', apikey }) }
}
