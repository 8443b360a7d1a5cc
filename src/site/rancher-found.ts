import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from './secrets.ts'

const found = z.record(z.string(), z.array(z.string()))

/** Names by kind of what a cluster had before a Rancher was put there: whatever it left beside them goes with it. */
export type RancherFound = Readonly<z.infer<typeof found>>

export interface RancherNotes {
  readonly lastFound: () => RancherFound | undefined
  readonly keepFound: (names: RancherFound | undefined) => void
}

export function rancherNotes(folder: string): RancherNotes {
  const path = join(folder, 'rancher-found.json')
  return {
    lastFound: () => (existsSync(path) ? found.parse(JSON.parse(readFileSync(path, 'utf8'))) : undefined),
    keepFound: (names) =>
      names === undefined ? rmSync(path, { force: true }) : replaceFile(path, `${JSON.stringify(names)}\n`),
  }
}
