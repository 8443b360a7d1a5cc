import { z } from 'zod'
import type { Mongodb } from '../adapters/mongodb/port.ts'
import { sameSet } from '../adapters/mongodb/port.ts'
import type { Action, ActionContext } from './action.ts'
import { helmRelease, type HelmReleaseInput, type HelmReleaseParts } from './helm-release.ts'

const word = z.string().min(1)
const login = z.strictObject({ user: word, password: word })

const input = z.strictObject({
  release: word,
  namespace: word,
  /** Of chart omegaml-storage. */
  values: z.record(z.string(), z.unknown()),
  /** Of the server, port 27017. */
  host: word,
  /** False: switched off, nothing of it is lost. */
  running: z.boolean(),
  /** Made by the image on an empty volume. */
  admin: login,
  /** The account's user, which may read and write `database` alone. */
  user: word,
  password: word,
  database: word,
  /** With a removal: keep the data in the bucket `dumps` of `store` first. */
  dump: z.boolean().default(false),
  store: login.extend({ server: word, database: word }),
  timeoutSeconds: z.number().int().min(1).max(7200).default(600),
})

export type MongodbServerInput = z.infer<typeof input>

/** Makes the administrator's view of a server. */
export type OpenMongodb = (server: { host: string; port: number; user: string; password: string }) => Mongodb

export interface MongodbServerParts extends HelmReleaseParts {
  readonly openMongodb: OpenMongodb
}

/** A database server of an account's own with the account's user on it; both go together, their volume is another step. */
export function mongodbServer(parts: MongodbServerParts): Action<MongodbServerInput> {
  const release = helmRelease(parts)
  const open = ({ host, admin }: MongodbServerInput) => parts.openMongodb({ host, port: 27017, ...admin })
  return {
    name: 'mongodb-server',
    input,
    locks: (wanted) => release.locks(releaseOf(wanted)),
    // The users are the server's: they go with it.
    things: (wanted) => release.things?.(releaseOf(wanted)) ?? [],
    observe: async (wanted, context) => {
      const seen = await release.observe(releaseOf(wanted), context)
      if (seen.state !== 'present' || !wanted.running) return seen
      const found = await open(wanted).findUser(wanted.user)
      if (found === undefined) return { state: 'different', detail: 'the account’s user is missing' }
      return sameSet(found.databases, [wanted.database])
        ? seen
        : { state: 'different', detail: 'the account’s user has other rights' }
    },
    ensure: async (wanted, context) => {
      const outcome = await release.ensure(releaseOf(wanted), context)
      if (!wanted.running) return outcome
      const { user, password, database } = wanted
      const changed = await open(wanted).ensureUser({ user, password, databases: [database] })
      const message = changed && !outcome.changed ? `user ${user} may use ${database}` : outcome.message
      return { changed: outcome.changed || changed, message }
    },
    remove: async (wanted, context) => {
      const there = (await release.observe(releaseOf(wanted), context)).state !== 'absent'
      if (wanted.dump && there) await release.ensure(releaseOf(running(wanted)), context)
      const kept = wanted.dump && there ? await dump(wanted, open(wanted), context) : undefined
      const outcome = await release.remove(releaseOf(wanted), context)
      return kept === undefined ? outcome : { ...outcome, message: `${outcome.message}; ${kept}` }
    },
  }
}

/** By the command's number, so that a removal that is repeated replaces what it has begun. */
async function dump(wanted: MongodbServerInput, mongodb: Mongodb, context: ActionContext): Promise<string> {
  const name = `${wanted.release}/${context.task.command}`
  const dumped = await mongodb.dumpDatabase(wanted.database, wanted.store, name, {
    signal: context.signal,
    onCollection: (one) => context.output(`${one.name}: ${one.documents} documents kept`),
  })
  const documents = dumped.reduce((sum, one) => sum + one.documents, 0)
  const place = `files ${name}/… in the bucket dumps of the account’s store`
  return `${documents} documents of ${dumped.length} collections are kept as ${place}`
}

/** One that is suspended serves once more before it goes. */
function running({ values, ...rest }: MongodbServerInput): MongodbServerInput {
  const mongodb = values['mongodb'] as Readonly<Record<string, unknown>> | undefined
  return { ...rest, running: true, values: { ...values, mongodb: { ...mongodb, running: true } } }
}

function releaseOf({ release, namespace, values, timeoutSeconds }: MongodbServerInput): HelmReleaseInput {
  return { release, namespace, chart: 'omegaml-storage', values, wait: true, createNamespace: false, timeoutSeconds }
}
