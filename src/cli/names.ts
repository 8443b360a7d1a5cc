import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ServiceApi } from '../site/service-api.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print } from './io.ts'
import { connect } from './service.ts'
import type { NamedKind } from './words-tree.ts'

/** Somebody waits with a half-typed line. */
const TIMEOUT_MS = 1_500
const catalogue = resolve(import.meta.dirname, '../../catalog/plans')

/**
 * For the shells' completion: names, one a line, and never a word of why there are none. Plans that the service can't be
 * asked for are those of the catalogue here.
 */
export async function printNames(kind: NamedKind, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const names = kind === 'plans' ? await plans(options, io) : await accounts(options, io)
  // A shell may look into them once more: nothing in them means anything to it.
  print(io, ...names.filter((name) => /^[a-z0-9][a-z0-9-]{0,99}$/.test(name)))
  return exitCodes.ok
}

async function plans(options: GlobalOptions, io: Io): Promise<readonly string[]> {
  const asked = await silently(async () => {
    const { api } = await connect(options, io)
    const { plans: found } = await ask<{ plans: { plan: string }[] }>(api, '/api/v2/plans')
    return found.map(({ plan }) => plan)
  })
  return asked ?? (await silently(async () => ofCatalogue())) ?? []
}

async function accounts(options: GlobalOptions, io: Io): Promise<readonly string[]> {
  const found = await silently(async () => {
    const { api, userid } = await connect(options, io)
    const path = '/api/v2/accounts?limit=1000'
    const listed = await silently(async () => await ask<{ accounts: { userid: string }[] }>(api, path))
    // Who may not list the others still has a name.
    return listed === undefined ? [userid] : listed.accounts.map((account) => account.userid)
  })
  return found ?? []
}

async function ask<T>(api: ServiceApi, path: string): Promise<T> {
  return await api.call<T>({ path, timeoutMs: TIMEOUT_MS })
}

function ofCatalogue(): string[] {
  const files = readdirSync(catalogue).filter((file) => file.endsWith('.yml'))
  return files
    .filter((file) => /^orderable: (user|admin)$/m.test(readFileSync(join(catalogue, file), 'utf8')))
    .map((file) => file.slice(0, -'.yml'.length))
}

/** Whatever goes wrong, nothing may appear in the line that is being typed. */
async function silently<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch {
    return undefined
  }
}
