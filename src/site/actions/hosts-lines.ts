import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { editHosts, siteLines, withoutSiteLines, withSiteLines } from '../hosts.ts'

const input = z.strictObject({
  site: z.string().min(1),
  names: z.array(z.string().regex(/^[a-z0-9.-]+$/)).min(1),
})

export type HostsLinesInput = z.infer<typeof input>

/** The site's names in the hosts file, inside marked lines. Without root it only says what to add. */
export function hostsLinesAction(
  path = '/etc/hosts',
  mayWrite = () => process.getuid?.() === 0,
): Action<HostsLinesInput> {
  return {
    name: 'hosts-lines',
    input,
    locks: () => ['hosts-file'],
    observe: async ({ site, names }) => {
      const lines = siteLines(readFileSync(path, 'utf8'), site)
      if (lines.length === 0) return { state: 'absent' }
      return lines.join() === names.map((name) => `127.0.0.1 ${name}`).join()
        ? { state: 'present' }
        : { state: 'different' }
    },
    ensure: async ({ site, names }, context) => {
      const edit = (text: string) => withSiteLines(text, site, names)
      if (!mayWrite()) {
        context.output(`not root: please add to ${path}:\n127.0.0.1 ${names.join(' ')}`)
        return { changed: false, message: `not root: ${path} is left as it is` }
      }
      const changed = editHosts(path, edit)
      return { changed, message: changed ? `${names.length} names in ${path}` : 'already as wanted' }
    },
    remove: async ({ site }) => {
      const changed = mayWrite() && editHosts(path, (text) => withoutSiteLines(text, site))
      return { changed, message: changed ? `lines taken out of ${path}` : 'already as wanted' }
    },
  }
}
