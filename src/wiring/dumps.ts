import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { dumpToFiles, restoreFromFiles } from '../adapters/mongodb/dump-files.ts'
import { AppError } from '../base/errors.ts'
import { createLog } from '../base/log.ts'
import { chooseDump, dumpName, isDump, outdated, partName } from './dump-names.ts'
import { required } from './service-env.ts'

/*
 * The second half of the pods `backup` and `restore` of chart omegaml-system: MySQL's half, of another image, comes first and
 * lies in the same folder. A dump is there when its folder has its name: until then it is a part, which the next one removes.
 */

const env = process.env

/** Adds MongoDB to what the pod has dumped so far, gives the folder its name, and removes dumps that are too old. */
export async function dump(): Promise<number> {
  const log = createLog('dump')
  const folder = required(env, 'CLOUDMGR_DUMPS', 'folder of the dumps')
  const keep = Number(env['CLOUDMGR_DUMPS_KEPT'] ?? '7')
  const part = join(folder, partName(hostname()))
  await mkdir(part, { recursive: true, mode: 0o700 })
  const mongodb = env['CLOUDMGR_MONGODB_HOST']
  if (mongodb !== undefined) {
    const databases = await connected(mongodb, async (client) => await dumpToFiles(client, join(part, 'mongodb')))
    for (const { name, collections, documents } of databases)
      log.info('database dumped', { name, collections, documents })
  }
  const name = dumpName(new Date())
  await rename(part, join(folder, name))
  log.info('dump complete', { name })
  for (const old of outdated(await readdir(folder), keep)) {
    await rm(join(folder, old), { recursive: true, force: true })
    log.info('removed', { name: old })
  }
  return 0
}

/** Brings MongoDB of a dump back. */
export async function restore(): Promise<number> {
  const log = createLog('restore')
  const folder = required(env, 'CLOUDMGR_DUMPS', 'folder of the dumps')
  const names = (await readdir(folder)).filter(isDump)
  const name = chooseDump(names, env['CLOUDMGR_DUMP'] ?? 'newest')
  const mongodb = env['CLOUDMGR_MONGODB_HOST']
  const from = join(folder, name, 'mongodb')
  if (mongodb === undefined) return 0
  await access(from).catch((cause: unknown) => {
    throw new AppError('not-found', 'dump-unknown', `dump ${name} holds no MongoDB`, { cause })
  })
  const databases = await connected(mongodb, async (client) => await restoreFromFiles(client, from))
  for (const { name: database, collections, documents } of databases)
    log.info('database restored', { database, collections, documents })
  log.info('restore complete', { name })
  return 0
}

async function connected<T>(host: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const username = required(env, 'CLOUDMGR_MONGODB_USER', 'administrator of MongoDB')
  const password = required(env, 'CLOUDMGR_MONGODB_PASSWORD', 'password of CLOUDMGR_MONGODB_USER')
  const auth = { username, password }
  const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { auth, authSource: 'admin' })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}
