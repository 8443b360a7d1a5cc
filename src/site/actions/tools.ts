import { z } from 'zod'
import type { Action } from '../../actions/action.ts'

const input = z.strictObject({
  /** Names of programs; all that a site needs when left out. */
  programs: z.array(z.string().min(1)).optional(),
  /** Versions of Kubernetes that this computer must be able to run beside the usual one. */
  kubernetes: z.array(z.string()).default([]),
})

export type ToolsInput = z.infer<typeof input>

export interface ToolsRun {
  /** A line of output. */
  readonly output: (line: string) => void
  /** Which tool, how far. */
  readonly progress: (text: string) => void
  readonly signal: AbortSignal
}

export interface Tools {
  /** What is not there yet. */
  missing(wanted: ToolsInput): Promise<string[]>
  /** Found, taken from the cache, or built; Debian packages too. Answers with the names that had to be made. */
  ensure(wanted: ToolsInput, run: ToolsRun): Promise<string[]>
}

/** The programs that the site runs with. */
export function toolsAction(tools: Tools): Action<ToolsInput> {
  return {
    name: 'tools',
    input,
    locks: () => ['tools'],
    observe: async (wanted) => {
      const missing = await tools.missing(wanted)
      return missing.length === 0 ? { state: 'present' } : { state: 'absent', detail: `missing: ${missing.join(', ')}` }
    },
    ensure: async (wanted, context) => {
      const made = await tools.ensure(wanted, {
        output: (line) => context.output(line),
        progress: (text) => context.waiting(text),
        signal: context.signal,
      })
      return made.length === 0
        ? { changed: false, message: 'already as wanted' }
        : { changed: true, message: `${made.length} made: ${made.join(', ')}` }
    },
    // They belong to the cache that all sites share.
    remove: async () => ({ changed: false, message: 'the cache is shared: kept' }),
  }
}
