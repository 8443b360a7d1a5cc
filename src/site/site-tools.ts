import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { kubernetesFolder } from '../base/kubernetes-version.ts'
import { siteTools, type ToolName } from '../tools/catalogue.ts'
import { ensureKubernetes, ensureTools } from '../tools/ensure.ts'
import { describe, type ToolEvent } from '../tools/events.ts'
import { debianPackages, ensurePackages } from '../tools/packages.ts'
import type { Tools } from './actions/tools.ts'
import { replaceFile } from './secrets.ts'

export interface ToolsSettings {
  readonly simulated?: boolean
  /** Versions of Kubernetes that the site's machines have now. */
  readonly versionsInUse: () => Promise<readonly string[]>
}

/** The site's programs; which folder holds them is noted in the state folder, for `down` and after a restart. */
export function createTools(stateFolder: string, { simulated = false, versionsInUse }: ToolsSettings): Tools {
  return {
    missing: async ({ kubernetes }) => {
      const bin = notedTools(stateFolder)
      if (bin === undefined) return ['the programs of this site']
      return kubernetes
        .filter((version) => !existsSync(kubernetesFolder(bin, version)))
        .map((one) => `Kubernetes ${one}`)
    },
    ensure: async ({ programs, kubernetes }, { output, progress, signal }) => {
      // Simulated machines need nothing of the system.
      const needed = simulated ? [] : Object.keys(debianPackages)
      const packages = await ensurePackages(needed, { say: output, signal })
      const names = (programs as readonly ToolName[] | undefined) ?? siteTools
      const made: string[] = []
      const onProgress = (event: ToolEvent): void => {
        if (event.kind === 'built') made.push(event.tool)
        if (event.kind !== 'found') output(describe(event))
        if (event.kind !== 'found' && event.kind !== 'ready') progress(describe(event))
      }
      const { bin } = await ensureTools(names, { signal, onProgress })
      // Machines have those of before until their turn comes.
      for (const version of new Set([...kubernetes, ...(kubernetes.length === 0 ? [] : await versionsInUse())]))
        await ensureKubernetes(version, bin, { signal, onProgress })
      replaceFile(join(stateFolder, 'programs'), `${bin}\n`)
      return [...packages, ...made]
    },
  }
}

/** Path of one of the site's programs. */
export function toolPath(stateFolder: string, name: string): string {
  return join(toolsFolder(stateFolder), name)
}

export function toolsFolder(stateFolder: string): string {
  const folder = notedTools(stateFolder)
  if (folder !== undefined) return folder
  throw new AppError('unavailable', 'no-tools', "the site's programs are not there yet: ./cloudmgr up brings them")
}

/** The folder of the site's programs, when they are there. */
export function notedTools(stateFolder: string): string | undefined {
  const note = join(stateFolder, 'programs')
  if (!existsSync(note)) return undefined
  const folder = readFileSync(note, 'utf8').trim()
  return existsSync(folder) ? folder : undefined
}
