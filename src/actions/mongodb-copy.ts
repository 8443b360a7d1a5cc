import { z } from 'zod'
import type { CopiedCollection, Mongodb } from '../adapters/mongodb/port.ts'
import { AppError } from '../base/errors.ts'
import type { Action } from './action.ts'

const database = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'up to 63 letters, digits, hyphens and underscores')

const input = z
  .strictObject({
    from: database,
    to: database,
    /** Documents with the same id but another content: overwritten, or left as they are and told. */
    replace: z.boolean().default(false),
  })
  .refine(({ from, to }) => from !== to, 'from and to must be two databases')

export type MongodbCopyInput = z.infer<typeof input>

/** Copies a database into another one, counts and compares. What was copied is data like any other: it stays. */
export function mongodbCopy({ mongodb }: { readonly mongodb: Mongodb }): Action<MongodbCopyInput> {
  return {
    name: 'mongodb-copy',
    input,
    locks: ({ to }) => [`mongodb-copy:${to}`],
    observe: async () => ({ state: 'absent', detail: 'what was copied belongs to its database' }),
    ensure: async ({ from, to, replace }, context) => {
      const onCollection = (one: CopiedCollection) => context.output(lineOf(one))
      const copied = await mongodb.copyDatabase(from, to, { replace, signal: context.signal, onCollection })
      const sum = (field: 'documents' | 'added' | 'replaced' | 'differing') =>
        copied.reduce((total, one) => total + one[field], 0)
      if (sum('differing') > 0) {
        const where = copied.filter((one) => one.differing > 0).map(({ name, differing }) => `${name}: ${differing}`)
        throw new AppError(
          'conflict',
          'copies-differ',
          `${sum('differing')} documents were there with another content and were left (${where.join(', ')}): order it with replace to overwrite them`,
        )
      }
      const changed = sum('added') + sum('replaced') > 0
      const counts = `${sum('documents')} documents in ${copied.length} collections, ${sum('added')} added, ${sum('replaced')} replaced`
      return { changed, message: changed ? `${counts}; compared, all equal` : 'already as wanted' }
    },
    remove: async () => ({ changed: false, message: 'nothing to remove: what was copied stays' }),
  }
}

function lineOf({ name, documents, added, replaced, differing }: CopiedCollection): string {
  return `${name}: ${documents} documents, ${added} added, ${replaced} replaced, ${differing} left with another content`
}
