import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../secrets.ts'
import type { ImageTags } from '../operator.ts'
import type { WantedRelease } from './releases.ts'
import type { SecretPrints } from './secret-prints.ts'

const appliedSchema = z.object({
  /** Values that the releases were given, by their name; images and the like as `<steps.…>`. */
  values: z.record(z.string(), z.record(z.string(), z.unknown())),
  /** Secrets that were made of the site file's references. */
  secrets: z.array(z.string()),
  /** Fingerprints of these Secrets; left out by versions of before. */
  prints: z.record(z.string(), z.string()).optional(),
  /** Tags of the images, by name; left out by versions of before. */
  images: z.record(z.string(), z.string()).optional(),
})

/** What the last `up` that ended well brought: what the next one is compared with. */
export type Applied = Readonly<z.infer<typeof appliedSchema>>

const pathOf = (folder: string) => join(folder, 'applied.json')

export function readApplied(folder: string): Applied | undefined {
  if (!existsSync(pathOf(folder))) return undefined
  const result = appliedSchema.safeParse(JSON.parse(readFileSync(pathOf(folder), 'utf8')))
  return result.success ? result.data : undefined
}

export function writeApplied(
  folder: string,
  releases: readonly WantedRelease[],
  { prints, images }: { readonly prints: SecretPrints; readonly images: ImageTags | undefined },
): void {
  const values = Object.fromEntries(releases.map(({ release, values: given }) => [release, given]))
  const applied: Applied = { values, secrets: Object.keys(prints), prints, ...(images === undefined ? {} : { images }) }
  replaceFile(pathOf(folder), `${JSON.stringify(applied, null, 2)}\n`)
}
