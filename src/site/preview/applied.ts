import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Helm } from '../../adapters/helm/port.ts'
import { replaceFile } from '../secrets.ts'
import { siteSchema } from '../site.ts'
import type { WantedRelease } from './releases.ts'

const appliedSchema = z.object({
  /** Values that the releases were given, by their name; images and the like as `<steps.…>`. */
  values: z.record(z.string(), z.record(z.string(), z.unknown())),
  /** Secrets that were made of the site file's references. */
  secrets: z.array(z.string()),
  /** The site that it was, and the revisions that Helm made of it, by release: what an undo goes back to. */
  site: siteSchema.optional(),
  revisions: z.record(z.string(), z.number()).optional(),
  /** Fingerprints of these Secrets; left out by versions of before. */
  prints: z.record(z.string(), z.string()).optional(),
  /** Tags of the images, by name; left out by versions of before. */
  images: z.record(z.string(), z.string()).optional(),
})

/** What the last `up` that ended well brought: what the next one is compared with, and what an undo goes back to. */
export type Applied = Readonly<z.infer<typeof appliedSchema>>

const pathOf = (folder: string) => join(folder, 'applied.json')

export function readApplied(folder: string): Applied | undefined {
  if (!existsSync(pathOf(folder))) return undefined
  const result = appliedSchema.safeParse(JSON.parse(readFileSync(pathOf(folder), 'utf8')))
  return result.success ? result.data : undefined
}

export function writeApplied(folder: string, applied: Applied): void {
  replaceFile(pathOf(folder), `${JSON.stringify(applied, null, 2)}\n`)
}

export function valuesOf(releases: readonly WantedRelease[]): Applied['values'] {
  return Object.fromEntries(releases.map(({ release, values }) => [release, values]))
}

/** The present revision of each release that is there. */
export async function revisionsOf(
  releases: readonly Pick<WantedRelease, 'release' | 'namespace'>[],
  find: Helm['find'],
): Promise<Readonly<Record<string, number>>> {
  const found = await Promise.all(releases.map(async ({ release, namespace }) => await find(release, namespace)))
  return Object.fromEntries(found.flatMap((record) => (record === undefined ? [] : [[record.name, record.revision]])))
}
