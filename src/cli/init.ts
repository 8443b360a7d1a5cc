import { existsSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { AppError } from '../base/errors.ts'
import { ruleFacts } from '../site/file/check.ts'
import { newFileText, profileFiles } from '../site/file/profiles.ts'
import type { ProviderKind } from '../site/file/providers.ts'
import { checkDomain, checkSiteName, defaultDomain } from '../site/site.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'

export interface InitOptions extends GlobalOptions {
  readonly profile?: string | undefined
  readonly name?: string | undefined
  readonly domain?: string | undefined
  readonly provider?: ProviderKind | undefined
  readonly output?: string | undefined
  readonly yes?: boolean | undefined
}

/** Writes a site file; asks for what the words do not say. */
export async function init(options: InitOptions, io: Io): Promise<ExitCode> {
  const { project } = await io.operator()
  const path = resolve(io.folder, options.output ?? 'site.yml')
  const profiles = profileFiles(project)
  const provider = options.provider ?? 'local'
  const ask = asker(options, io)
  const profile = oneOf(
    'profile',
    await ask(options.profile, `Profile (${profiles.join(', ')})`, 'single-node'),
    profiles,
  )
  const named = options.name ?? (options.sources?.site === 'default' ? undefined : options.site)
  const name = checkSiteName(await ask(named, 'Name of the site', 'omega'))
  const domain = checkDomain(await ask(options.domain, 'Domain of its host names', defaultDomain(name)))
  const facts = ruleFacts({ provider: { kind: provider, cloud: 'hetzner' } as never }, project)
  const text = newFileText({ profile, name, domain, provider }, project, facts.provider)
  await confirmOverwrite(path, options, io)
  writeFileSync(path, text)
  if (options.json === true) printJson(io, { file: path, profile, name, domain, provider })
  else {
    const shown = relative(io.folder, path)
    const file = options.output === undefined ? '' : ` --file ${shown}`
    print(
      io,
      `wrote ${shown}`,
      `next: ./cloudmgr plan${file}   what it would make`,
      `      ./cloudmgr up${file}     make it`,
    )
  }
  return exitCodes.ok
}

type Ask = (given: string | undefined, question: string, usual: string) => Promise<string>

/** What was not typed is asked for; an empty answer, or nobody to answer, is the usual one. */
function asker({ yes, json }: InitOptions, io: Io): Ask {
  return async (given, question, usual) => {
    if (given !== undefined) return given
    if (yes === true || json === true) return usual
    const answer = (await io.ask(`${question} [${usual}]: `))?.trim() ?? ''
    return answer === '' ? usual : answer
  }
}

function oneOf(field: string, value: string, known: readonly string[]): string {
  if (known.includes(value)) return value
  throw new AppError('invalid', 'unknown-profile', `${field} ${value} does not exist; there are ${known.join(', ')}`, {
    details: { field, value, known },
  })
}

async function confirmOverwrite(path: string, { yes }: InitOptions, io: Io): Promise<void> {
  if (!existsSync(path) || yes === true) return
  const answer = await io.ask(`${path} exists. Type yes to write over it: `)
  if (answer?.trim() === 'yes') return
  throw new AppError(
    'conflict',
    'file-exists',
    `${path} exists and was left as it is: give another --output, or --yes`,
    {
      details: { field: 'output', value: path },
    },
  )
}
