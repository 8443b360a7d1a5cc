import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '../base/errors.ts'
import { type CheckedFile, checkSiteFile } from '../site/file/check.ts'
import { type PriceList, readPrices } from '../site/preview/prices.ts'
import { usualName } from './folder-site.ts'
import type { GlobalOptions, Io } from './io.ts'

export interface FileOptions extends GlobalOptions {
  /** A path; `false`: none, whatever lies in the folder; left out: `site.yml` of the folder, where there is one. */
  readonly file?: string | boolean | undefined
  readonly prices?: string | undefined
}

/** Path of the site file that a line of words means. */
export function siteFilePath({ file, sources }: FileOptions, io: Pick<Io, 'folder'>): string | undefined {
  if (typeof file === 'string') return resolve(io.folder, file)
  if (file === false) return undefined
  // Who names a site does not mean the one of the folder.
  if (sources?.site === 'cli' || sources?.site === 'env') return undefined
  const usual = join(io.folder, usualName)
  return existsSync(usual) ? usual : undefined
}

/** The file that the words mean, checked; `undefined` where there is none. */
export function findSiteFile(options: FileOptions, io: Pick<Io, 'folder'>, project: string): CheckedFile | undefined {
  const path = siteFilePath(options, io)
  if (path === undefined) return undefined
  const file = checkSiteFile(path, project)
  const { sources, site } = options
  const isNamed = sources?.site === 'cli' || sources?.site === 'env'
  if (!isNamed || site === file.site.name) return file
  throw new AppError('invalid', 'site-file-other', `${path} describes site ${file.site.name}, not ${site}`, {
    details: { field: 'site', value: site, right: file.site.name },
  })
}

export function getSiteFile(options: FileOptions, io: Pick<Io, 'folder'>, project: string): CheckedFile {
  const file = findSiteFile(options, io, project)
  if (file !== undefined) return file
  throw new AppError(
    'not-found',
    'site-file-missing',
    `there is no ${usualName} in ${io.folder}: name one with --file, or write one with ./cloudmgr init`,
    { details: { field: 'file' } },
  )
}

/** The price list of the words, else that of the file. */
export function findPrices(options: FileOptions, file: CheckedFile, io: Pick<Io, 'folder'>): PriceList | undefined {
  if (options.prices !== undefined) return readPrices(resolve(io.folder, options.prices))
  const { prices } = file.site
  return prices === undefined ? undefined : readPrices(resolve(dirname(file.path), prices))
}
