import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'

/** The site file that words find by themselves in the folder where they are typed. */
export const usualName = 'site.yml'

/** Name of the site that the folder's site file describes, for words that look at a site; nothing else of it is read. */
export function siteOfFolder(folder: string): string | undefined {
  const path = join(folder, usualName)
  if (!existsSync(path)) return undefined
  const name: unknown = parseDocument(readFileSync(path, 'utf8')).get('name')
  return typeof name === 'string' ? name : undefined
}
