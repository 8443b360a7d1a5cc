import { once } from 'node:events'
import { BSON, type Db, type Document, GridFSBucket } from 'mongodb'
import type { DumpedCollection, DumpOptions } from './port.ts'

const PATIENT = { timeoutMode: 'iteration', batchSize: 200, raw: true } as const

/** Collection by collection, each a file of its documents and one of its indexes. */
export async function dumpDatabase(from: Db, to: Db, name: string, options: DumpOptions): Promise<DumpedCollection[]> {
  const bucket = new GridFSBucket(to, { bucketName: 'dumps' })
  const found = await from.listCollections({ type: 'collection' }, { nameOnly: true }).toArray()
  const names = found.map((one) => one.name).filter((one) => !one.startsWith('system.'))
  const dumped: DumpedCollection[] = []
  for (const collection of names.sort()) {
    const indexes = await from.collection(collection).indexes()
    const about = BSON.EJSON.stringify({ options: {}, indexes, collectionName: collection, type: 'collection' })
    await write(bucket, `${name}/${collection}.metadata.json`, [Buffer.from(about)], options)
    const documents = await write(
      bucket,
      `${name}/${collection}.bson`,
      from.collection(collection).find({}, PATIENT),
      options,
    )
    const one = { name: collection, documents }
    options.onCollection?.(one)
    dumped.push(one)
  }
  return dumped
}

/** Returns how many pieces were written. The older file goes when the new one is there. */
async function write(
  bucket: GridFSBucket,
  filename: string,
  pieces: AsyncIterable<Document> | Iterable<Buffer>,
  { signal }: DumpOptions,
): Promise<number> {
  const before = await bucket.find({ filename }).toArray()
  const upload = bucket.openUploadStream(filename)
  let count = 0
  try {
    for await (const piece of pieces) {
      signal?.throwIfAborted()
      count += 1
      if (!upload.write(piece)) await once(upload, 'drain')
    }
    upload.end()
    await once(upload, 'finish')
  } catch (error) {
    await upload.abort()
    throw error
  }
  for (const { _id: id } of before) await bucket.delete(id)
  return count
}
