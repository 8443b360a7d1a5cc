import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { CheckedFile } from '../site/file/check.ts'
import { certificateFacts, checkGivenCertificate } from '../site/file/given-certificate.ts'
import { type GivenSecrets, readGivenSecrets, readStateEnv } from '../site/file/secret-values.ts'
import { missingFor, undriven, wishesOf } from '../site/file/to-site.ts'
import type { Operator } from '../site/operator.ts'
import { prepareSite } from '../site/prepare.ts'
import { previewElsewhere, previewSite } from '../site/preview/preview-site.ts'
import type { SitePreview } from '../site/preview/site-preview.ts'
import { stateFolder, statePaths } from '../site/state.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type Io, print, printJson } from './io.ts'
import { previewText } from './preview-text.ts'
import { type FileOptions, findPrices, getSiteFile } from './site-file.ts'
import { coloured, plain } from './style.ts'

export interface PlanOptions extends FileOptions {
  readonly out?: string | undefined
  readonly moved?: boolean | undefined
}

/** What `up` would do with the site file. Nothing is changed. */
export async function plan(options: PlanOptions, io: Io): Promise<ExitCode> {
  const preview = await previewOf(options, io)
  if (options.out !== undefined) {
    writeFileSync(resolve(io.folder, options.out), `${JSON.stringify(preview, null, 2)}\n`, { mode: 0o600 })
  }
  if (options.json === true) printJson(io, preview)
  else {
    print(io, ...previewText(preview, io.out.isTTY === true ? coloured : plain))
    if (options.out !== undefined)
      print(io, `kept in ${options.out}: ./cloudmgr up --plan ${options.out} does exactly this`)
  }
  return exitCodes.ok
}

async function previewOf(options: PlanOptions, io: Io): Promise<SitePreview> {
  const operator = await io.operator()
  const file = getSiteFile(options, io, operator.project)
  const prices = findPrices(options, file, io)
  const parts = undriven(file.site)
  const missing = missingFor(file.site)
  const why = missing?.problem ?? (parts.length > 0 ? `up does not drive ${parts.join(', ')} yet` : undefined)
  if (why !== undefined)
    return await previewElsewhere(operator, file, prices, `${why}: only sizes and prices are shown`)
  const folder = stateFolder(file.site.name, options.state)
  const site = await prepareSite(operator, folder, { ...wishesOf(file), moved: options.moved })
  const given = await lookedUp(file, operator)
  const stateEnv = await readStateEnv(file, operator.secretSources)
  return await previewSite(operator, site, statePaths(folder), {
    file,
    prices,
    given,
    stateEnv,
    signal: io.interrupted,
  })
}

/** A preview needs no secrets; what is there is compared, and a certificate that nobody would take is told now. */
async function lookedUp(file: CheckedFile, { secretSources }: Operator): Promise<GivenSecrets | undefined> {
  try {
    const given = await readGivenSecrets(file, secretSources)
    checkGivenCertificate(file, given, certificateFacts)
    return given
  } catch (error) {
    if (error instanceof AppError && error.code === 'secret-missing') return undefined
    throw error
  }
}
