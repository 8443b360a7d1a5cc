import { existsSync, readdirSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { AppError } from '../base/errors.ts'
import { isFar } from '../site/cloud.ts'
import { farPorts } from '../site/prepare.ts'
import { wishesOf } from '../site/file/to-site.ts'
import { isLoopback } from '../site/listen.ts'
import { renderSite } from '../site/render.ts'
import type { Site } from '../site/site.ts'
import { findSite, stateFolder, statePaths } from '../site/state.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type Io, print, printJson } from './io.ts'
import { type FileOptions, getSiteFile } from './site-file.ts'

export interface RenderOptions extends FileOptions {
  readonly output: string
  readonly yes?: boolean | undefined
}

const wellKnown = { http: 8080, https: 8443, mongo: 27018, broker: 5671 } as const

/** Writes Terraform roots, namespaces and chart values of the site file, for people who run them by themselves. */
export async function render(options: RenderOptions, io: Io): Promise<ExitCode> {
  const { project } = await io.operator()
  const file = getSiteFile(options, io, project)
  const folder = resolve(io.folder, options.output)
  refuseFilled(folder, options)
  const state = stateFolder(file.site.name, options.state)
  const { name, domain, listen, layout, signUp, ports } = wishesOf(file)
  const known = findSite(state, undefined)
  const site: Site = {
    name,
    profile: 'file',
    domain: domain ?? '',
    ports: known?.ports ?? (isFar({ layout }) ? farPorts : { ...wellKnown, ...given(ports.ports ?? {}) }),
    layout,
    ...(listen === undefined || listen === false || isLoopback(listen) ? {} : { listen }),
    ...(signUp === undefined || signUp === 'closed' ? {} : { signUp }),
  }
  const files = await renderSite(folder, { site, paths: statePaths(state), project }, file)
  const shown = relative(io.folder, folder) || '.'
  if (options.json === true) printJson(io, { folder, files })
  else print(io, ...files.map((one) => `wrote ${shown}/${one}`), `next: read ${shown}/README.md`)
  return exitCodes.ok
}

function given<Value>(ports: Readonly<Record<string, Value | undefined>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(ports).filter((entry): entry is [string, Value] => entry[1] !== undefined))
}

/** Only what an earlier render left is written over. */
function refuseFilled(folder: string, { yes }: RenderOptions): void {
  if (yes === true || !existsSync(folder)) return
  const entries = readdirSync(folder)
  const others = entries.filter((entry) => !['terraform', 'values', 'manifests', 'README.md'].includes(entry))
  if (others.length === 0) return
  throw new AppError(
    'conflict',
    'folder-filled',
    `${folder} holds other things (${others.slice(0, 5).join(', ')}): name a new folder, or give --yes`,
    {
      details: { field: 'output', value: folder },
    },
  )
}
