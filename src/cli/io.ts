import { AppError } from '../base/errors.ts'
import type { Operator } from '../site/operator.ts'
import type { ServiceAddress } from '../site/service-address.ts'
import type { Credential, ServiceApi } from '../site/service-api.ts'
import type { Site } from '../site/site.ts'
import { getSite, type StatePaths, stateFolder, statePaths } from '../site/state.ts'
import { createProgress, type Progress, silentProgress, type Terminal } from './live.ts'

/** Where a command of the CLI reads and writes; tests give their own. */
export interface Io {
  readonly out: Terminal & { isTTY?: boolean | undefined }
  readonly err: { write(text: string): unknown }
  /** Asks the person; `undefined` when nobody can answer. */
  readonly ask: (question: string) => Promise<string | undefined>
  /** Asks without showing what is typed; where nobody sits, the first line of the input. */
  readonly secret: (question: string) => Promise<string | undefined>
  readonly now: () => number
  readonly service: (address: ServiceAddress | (() => Promise<ServiceAddress>), credential: Credential) => ServiceApi
  readonly operator: () => Promise<Operator>
  /** Where the words are typed: its `site.yml` is read. */
  readonly folder: string
  /** Aborted by the first Ctrl-C. */
  readonly interrupted: AbortSignal
}

export interface GlobalOptions {
  readonly site: string
  readonly state?: string | undefined
  readonly json?: boolean | undefined
  /** A service elsewhere, who speaks there, and its authority. */
  readonly url?: string | undefined
  readonly userid?: string | undefined
  readonly ca?: string | undefined
  /** Where `site` and `url` come from, as commander says it: `cli`, `env`, `default`. */
  readonly sources?: { readonly site: string | undefined; readonly url: string | undefined } | undefined
}

export interface OpenSite {
  readonly site: Site
  readonly paths: StatePaths
}

/** The site that the options name; `not-found` when there is none. */
export function openSite(options: GlobalOptions): OpenSite {
  const folder = stateFolder(options.site, options.state)
  return { site: getSite(folder, options.state === undefined ? options.site : undefined), paths: statePaths(folder) }
}

export function progressOf(io: Io, options: GlobalOptions): Progress {
  return options.json === true ? silentProgress : createProgress(io.out, io.now)
}

export function printJson(io: Io, value: unknown): void {
  io.out.write(`${JSON.stringify(value)}\n`)
}

export function print(io: Io, ...lines: readonly string[]): void {
  for (const line of lines) io.out.write(`${line}\n`)
}

/** A number that was typed. */
export function parseNumber(field: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text)
    throw new AppError('invalid', 'not-a-number', `${field} must be a whole number, not "${text}"`, {
      details: { field, value: text },
    })
  }
}
