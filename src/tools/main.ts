import { explain, kindOf } from '../base/errors.ts'
import { allTools, siteTools } from './catalogue.ts'
import { ensureTools } from './ensure.ts'
import { describe } from './events.ts'

/** `node src/tools/main.ts [--all]`: builds what a site needs, or also what the tests need. Prints the folder at the end. */
async function main(words: readonly string[]): Promise<number> {
  if (words.some((word) => word !== '--all')) {
    console.error('usage: node src/tools/main.ts [--all]')
    return 2
  }
  const interrupted = new AbortController()
  process.once('SIGINT', () =>
    interrupted.abort(new Error('interrupted; what was compiled is kept, repeat to continue')),
  )
  process.once('SIGTERM', () => interrupted.abort(new Error('told to stop')))
  try {
    const { bin } = await ensureTools(words.includes('--all') ? allTools : siteTools, {
      onProgress: (event) => console.error(`tools: ${describe(event)}`),
      signal: interrupted.signal,
    })
    console.log(bin)
    return 0
  } catch (error) {
    if (kindOf(error) === 'bug' && !interrupted.signal.aborted) throw error
    console.error(`tools: ${explain(error)}`)
    return 1
  }
}

process.exitCode = await main(process.argv.slice(2))
