import { defaultDomain } from '../site.ts'
import type { SiteFile } from './schema.ts'

/** The domain of the site's host names. */
export function domainOf({ name, domain }: Pick<SiteFile, 'name' | 'domain'>): string {
  return domain ?? defaultDomain(name)
}
