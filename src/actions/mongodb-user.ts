import { z } from 'zod'
import { grantsOf, sameSet } from '../adapters/mongodb/port.ts'
import type { Mongodb } from '../adapters/mongodb/port.ts'
import type { Action } from './action.ts'

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'up to 63 letters, digits, hyphens and underscores')
const ours = new Set(['admin', 'local', 'config'])
const database = name.refine((one) => !ours.has(one), "a database of MongoDB's own can't be given to a user")

const input = z
  .strictObject({
    user: name,
    password: z.string().min(8, 'a password has 8 characters or more'),
    /** What the user may read and write; they appear on first write. */
    databases: z.array(database),
    /** What it may read only. */
    readOnly: z.array(database).default([]),
    /** Of `databases`, those that go with the user; all of them when left out. Others' stay: name them here by leaving them out. */
    owned: z.array(database).optional(),
    /** Whose it is, noted beside the user. */
    account: z.string().min(1).max(64).optional(),
  })
  .refine(({ databases, readOnly }) => databases.length + readOnly.length > 0, 'name one database or more')

export type MongodbUserInput = z.infer<typeof input>

/** A user in `admin` who may read and write the given databases and nothing else; its removal takes its databases along. */
export function mongodbUser({ mongodb }: { readonly mongodb: Mongodb }): Action<MongodbUserInput> {
  return {
    name: 'mongodb-user',
    input,
    locks: ({ user }) => [`mongodb:${user}`],
    things: ({ user, databases, owned = databases }) => [
      { system: 'mongodb', kind: 'user', name: user },
      ...owned.map((name) => ({ system: 'mongodb', kind: 'database', name }) as const),
    ],
    observe: async ({ user, password, databases, readOnly }) => {
      const found = await mongodb.findUser(user)
      if (found === undefined) return { state: 'absent' }
      if (!sameSet(found.databases, grantsOf({ databases, readOnly })))
        return { state: 'different', detail: `${user} may use ${found.databases.join(', ') || 'nothing'}` }
      return (await mongodb.canLogin(user, password))
        ? { state: 'present' }
        : { state: 'different', detail: `${user} has another password` }
    },
    ensure: async ({ user, password, databases, readOnly, owned, account }) => {
      const changed = await mongodb.ensureUser({ user, password, databases, readOnly, owned, account })
      const granted = grantsOf({ databases, readOnly }).join(', ')
      return { changed, message: changed ? `user ${user} may use ${granted}` : 'already as wanted' }
    },
    remove: async ({ user, databases, owned = databases }, context) => {
      const removed = await mongodb.dropUser(user)
      // After the user: nobody writes to them any more. Again on every try, because a crash may have come in between.
      for (const one of owned) {
        await mongodb.dropDatabase(one)
        context.output(`database ${one} dropped`)
      }
      return removed
        ? { changed: true, message: `user ${user} dropped` }
        : { changed: false, message: 'already absent' }
    },
  }
}
