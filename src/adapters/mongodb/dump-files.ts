import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { createGunzip, createGzip, gunzipSync, gzipSync } from 'node:zlib'
import { BSON, type Db, type Document, type MongoClient } from 'mongodb'
import { AppError } from '../../base/errors.ts'

/** A cursor's time counts per batch: a large store takes as long as it takes. */
const PATIENT = { timeoutMode: 'iteration', batchSize: 200 } as const
/** Types are kept as they are stored: a whole number that is a double stays one. */
const EXACT = { promoteValues: false, promoteLongs: false, bsonRegExp: true } as const
const BATCH_BYTES = 8 * 1024 * 1024
const BATCH = 1_000
const own = new Set(['admin', 'config', 'local'])

export interface DumpedDatabase {
  readonly name: string
  readonly collections: number
  readonly documents: number
}

/** What a file says of its collection, as `mongodump` writes it. */
interface About {
  readonly collectionName: string
  readonly type?: string
  readonly options?: Document
  readonly indexes?: readonly Document[]
}

/**
 * Writes every database but the server's own into the folder, as `mongodump --gzip` lays it out, so that `mongorestore` reads
 * it. Collection by collection: what is written meanwhile may be in it or not. Users are not in it.
 */
export async function dumpToFiles(client: MongoClient, folder: string): Promise<DumpedDatabase[]> {
  const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true })
  const names = databases.map(({ name }) => name).filter((name) => !own.has(name))
  const dumped: DumpedDatabase[] = []
  for (const name of names.toSorted()) dumped.push(await dumpDatabase(client.db(name), join(folder, fileName(name))))
  return dumped
}

async function dumpDatabase(db: Db, folder: string): Promise<DumpedDatabase> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found = (await db.listCollections().toArray()).filter(({ name }) => !name.startsWith('system.'))
  let documents = 0
  for (const { name, type = 'collection', options } of found as (Document & { name: string })[]) {
    const isView = type === 'view'
    const indexes = isView ? [] : await db.collection(name).indexes()
    const about: About = { collectionName: name, type: String(type), options: options as Document, indexes }
    const file = join(folder, fileName(name))
    const text = BSON.EJSON.stringify(about, { relaxed: false })
    await writeFile(`${file}.metadata.json.gz`, gzipSync(text), { mode: 0o600 })
    if (!isView) documents += await dumpCollection(db, name, `${file}.bson.gz`)
  }
  return { name: db.databaseName, collections: found.length, documents }
}

async function dumpCollection(db: Db, name: string, file: string): Promise<number> {
  const zip = createGzip()
  const written = finished(zip.pipe(createWriteStream(file, { mode: 0o600 })))
  let count = 0
  try {
    for await (const document of db.collection(name).find({}, { ...PATIENT, raw: true })) {
      count += 1
      if (!zip.write(document)) await Promise.race([once(zip, 'drain'), written])
    }
  } finally {
    zip.end()
  }
  await written
  return count
}

/**
 * Brings the databases of such a folder back: each is dropped and made anew with its indexes, so that nothing younger stays
 * in it. Databases that the folder does not have are left alone, users too.
 */
export async function restoreFromFiles(client: MongoClient, folder: string): Promise<DumpedDatabase[]> {
  const restored: DumpedDatabase[] = []
  for (const entry of (await readdir(folder)).toSorted()) {
    const db = client.db(decodeURIComponent(entry))
    if (own.has(db.databaseName)) continue
    await db.dropDatabase()
    restored.push(await restoreDatabase(db, join(folder, entry)))
  }
  return restored
}

async function restoreDatabase(db: Db, folder: string): Promise<DumpedDatabase> {
  const ending = '.metadata.json.gz'
  const files = (await readdir(folder)).filter((name) => name.endsWith(ending)).toSorted()
  let documents = 0
  for (const name of files) {
    const file = join(folder, name.slice(0, -ending.length))
    const about = BSON.EJSON.parse(gunzipSync(await readFile(`${file}${ending}`)).toString(), {
      relaxed: false,
    }) as About
    documents += await restoreCollection(db, about, `${file}.bson.gz`)
  }
  return { name: db.databaseName, collections: files.length, documents }
}

async function restoreCollection(db: Db, about: About, file: string): Promise<number> {
  const { collectionName, type, options = {}, indexes = [] } = about
  const collection = await db.createCollection(collectionName, options)
  if (type === 'view') return 0
  let batch: Document[] = []
  let bytes = 0
  let count = 0
  const flush = async () => {
    if (batch.length > 0) await collection.insertMany(batch, { ordered: true })
    batch = []
    bytes = 0
  }
  for await (const document of documentsIn(file)) {
    count += 1
    bytes += document.length
    batch.push(BSON.deserialize(document, EXACT))
    if (batch.length >= BATCH || bytes >= BATCH_BYTES) await flush()
  }
  await flush()
  const wanted = indexes.filter(({ name }) => name !== '_id_').map(({ ns: _ns, ...index }) => index)
  if (wanted.length > 0) await db.command({ createIndexes: collectionName, indexes: wanted })
  return count
}

/** Each begins with its length. */
async function* documentsIn(file: string): AsyncGenerator<Buffer> {
  let left: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(file).pipe(createGunzip())) {
    left = left.length === 0 ? (chunk as Buffer) : Buffer.concat([left, chunk as Buffer])
    let at = 0
    while (left.length - at >= 4 && left.length - at >= left.readInt32LE(at)) {
      const size = left.readInt32LE(at)
      yield left.subarray(at, at + size)
      at += size
    }
    left = left.subarray(at)
  }
  if (left.length > 0) throw new AppError('invalid', 'dump-damaged', `${file} ends in the middle of a document`)
}

const fileName = (name: string): string => encodeURIComponent(name)
