import { z } from 'zod'
import type { Action } from '../../actions/action.ts'

const input = z.strictObject({})

export type PagesInput = z.infer<typeof input>

export interface PagesRun {
  readonly output: (line: string) => void
  readonly signal: AbortSignal
}

/** The portal's pages, where no image brings them. */
export interface Pages {
  /** Their folder, when those of the present sources are built. */
  find(): Promise<string | undefined>
  /** Builds them; undefined, after saying why in the output, where this host can't. */
  build(run: PagesRun): Promise<string | undefined>
}

/** The portal's pages for a service that runs on this host; output `folder` is empty where there are none. */
export function pagesAction(pages: Pages): Action<PagesInput> {
  return {
    name: 'pages',
    input,
    locks: () => ['pages'],
    observe: async () => ({ state: (await pages.find()) === undefined ? 'absent' : 'present' }),
    ensure: async (_input, context) => {
      const known = await pages.find()
      if (known !== undefined) return { changed: false, message: 'already as wanted', outputs: { folder: known } }
      context.waiting('the pages to be built')
      const folder = await pages.build({ output: (line) => context.output(line), signal: context.signal })
      const message = folder === undefined ? 'not built: the service shows its plain front page' : 'built'
      return { changed: folder !== undefined, message, outputs: { folder: folder ?? '' } }
    },
    // They belong to the cache that all sites share.
    remove: async () => ({ changed: false, message: 'the cache is shared: kept' }),
  }
}
