import { isDeepStrictEqual } from 'node:util'
import { BSON, type Db, type Document, MongoServerError } from 'mongodb'
import type { CopiedCollection, CopyOptions } from './port.ts'

const BATCH = 200
/** A cursor's time counts per batch: a large store takes as long as it takes. */
const PATIENT = { timeoutMode: 'iteration', batchSize: BATCH } as const

/** Collection by collection, in batches; what is there and equal is left alone, so that it may be cut off and repeated. */
export async function copyDatabase(from: Db, to: Db, options: CopyOptions): Promise<CopiedCollection[]> {
  const found = await from.listCollections({ type: 'collection' }, { nameOnly: true }).toArray()
  const names = found.map(({ name }) => name).filter((name) => !name.startsWith('system.'))
  const copied: CopiedCollection[] = []
  for (const name of names.sort()) {
    const one = await copyCollection(from, to, name, options)
    options.onCollection?.(one)
    copied.push(one)
  }
  return copied
}

async function copyCollection(from: Db, to: Db, name: string, options: CopyOptions): Promise<CopiedCollection> {
  const counts = { documents: 0, added: 0, replaced: 0, differing: 0 }
  await copyIndexes(from, to, name)
  let batch: Document[] = []
  const flush = async () => {
    options.signal?.throwIfAborted()
    await copyBatch(to, name, batch, options.replace, counts)
    batch = []
  }
  for await (const document of from.collection(name).find({}, PATIENT)) {
    batch.push(document)
    if (batch.length === BATCH) await flush()
  }
  await flush()
  return { name, ...counts }
}

type Counts = { -readonly [Name in 'documents' | 'added' | 'replaced' | 'differing']: number }

async function copyBatch(to: Db, name: string, batch: readonly Document[], replace: boolean, counts: Counts) {
  if (batch.length === 0) return
  const target = to.collection(name)
  const ids = batch.map(({ _id: id }) => id)
  const there = await target.find({ _id: { $in: ids } }, PATIENT).toArray()
  const known = new Map(there.map((document) => [keyOf(document), document]))
  const missing = batch.filter((document) => !known.has(keyOf(document)))
  const other = batch.filter((document) => {
    const existing = known.get(keyOf(document))
    return existing !== undefined && !sameDocument(existing, document)
  })
  if (missing.length > 0) await target.insertMany([...missing], { ordered: false })
  if (replace) for (const document of other) await target.replaceOne({ _id: document['_id'] }, document)
  counts.documents += batch.length
  counts.added += missing.length
  if (replace) counts.replaced += other.length
  else counts.differing += other.length
}

async function copyIndexes(from: Db, to: Db, name: string): Promise<void> {
  const indexes = await from.collection(name).indexes()
  const target = to.collection(name)
  for (const { v: _version, key, ...about } of indexes.filter((index) => index.name !== '_id_')) {
    try {
      await target.createIndex(key, about as Document)
    } catch (error) {
      // The target has one of the same name or keys, made in another way: its own stays.
      if (!(error instanceof MongoServerError) || (error.code !== 85 && error.code !== 86)) throw error
    }
  }
}

/** Ids of any type, ObjectIds among them. */
function keyOf(document: Document): string {
  return BSON.EJSON.stringify({ id: document['_id'] as unknown }, { relaxed: false })
}

function sameDocument(one: Document, other: Document): boolean {
  return isDeepStrictEqual(BSON.serialize(one), BSON.serialize(other))
}
