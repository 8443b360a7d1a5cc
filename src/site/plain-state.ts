import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { type StateSummary, summaryOf } from '../clusters/terraform-state.ts'
import type { StateStore, StateUser } from '../clusters/terraform-states.ts'
import { replaceFile } from './secrets.ts'

/** Files that versions of before kept a root's state in, readable. */
const PLAIN = 'terraform.tfstate'
const BEFORE = 'terraform.tfstate.backup'

/** A state that still lies in the root's folder. */
export function findPlainState(folder: string): string | undefined {
  return readText(join(folder, PLAIN))
}

export type Move = 'write' | 'there' | 'refuse'

/** What becomes of a plain state beside the one that the journal keeps. Decides only. */
export function plainMove(plain: string, kept: string | undefined): Move {
  if (kept === undefined) return 'write'
  if (kept === plain) return 'there'
  const [one, other] = [summaryOf(plain), summaryOf(kept)]
  // An older program may have gone on with the file, of the same things.
  return one.lineage === other.lineage && one.serial > other.serial ? 'write' : 'refuse'
}

/**
 * Moves a root's state from its folder into the journal, for the task that has the root. The file goes last, once its
 * content was read back: killed at any line, it is continued by the next call.
 */
export async function adoptPlainState(folder: string, states: StateStore, user: StateUser): Promise<boolean> {
  if (!isOurs(folder)) return false
  const plain = findPlainState(folder)
  if (plain === undefined) return ended(folder, false)
  const kept = await states.read(user.root)
  const move = plainMove(plain, kept)
  if (move === 'refuse') throw twoStates(folder, user.root, summaryOf(plain), summaryOf(kept ?? '{}'))
  if (move === 'write') await write(states, user, [...earlier(folder, plain, kept), plain])
  return ended(folder, true)
}

/** Whether the state is to be where cloudmgr keeps it: roots may name another backend. */
function isOurs(folder: string): boolean {
  const backend = backendOf(readRoot(folder))
  return backend === 'local' || backend === 'http'
}

async function write(states: StateStore, user: StateUser, texts: readonly string[]): Promise<void> {
  const lock = 'moving-the-plain-file'
  const holder = await states.lock(user, lock, JSON.stringify({ ID: lock, Info: user.holder }))
  if (holder !== undefined)
    throw new AppError('unavailable', 'terraform-locked', `moving the state of ${user.root}: another run has it`)
  try {
    for (const text of texts) await states.write(user.root, text, lock)
  } finally {
    await states.unlock(user.root, lock)
  }
  if ((await states.read(user.root)) === texts.at(-1)) return
  throw new AppError(
    'unavailable',
    'state-not-written',
    `moving the state of ${user.root}: it was not read back the same`,
  )
}

/** The state before the present one becomes a version, too. */
function earlier(folder: string, plain: string, kept: string | undefined): string[] {
  const before = readText(join(folder, BEFORE))
  if (before === undefined || kept !== undefined) return []
  const [one, other] = [summaryOf(before), summaryOf(plain)]
  return one.lineage === other.lineage && one.serial < other.serial ? [before] : []
}

/** From here on Terraform asks for its state: also a root that a version of before has written. */
function ended<T>(folder: string, result: T): T {
  const root = readRoot(folder)
  if (backendOf(root) === 'local') {
    const terraform = { ...root?.terraform, backend: { http: {} } }
    replaceFile(join(folder, 'main.tf.json'), `${JSON.stringify({ ...root, terraform }, null, 2)}\n`)
  }
  for (const name of [PLAIN, BEFORE]) rmSync(join(folder, name), { force: true })
  return result
}

interface RootFile {
  readonly terraform?: { readonly backend?: Readonly<Record<string, unknown>> }
}

function readRoot(folder: string): RootFile | undefined {
  const text = readText(join(folder, 'main.tf.json'))
  return text === undefined ? undefined : (JSON.parse(text) as RootFile)
}

function backendOf(root: RootFile | undefined): string | undefined {
  return Object.keys(root?.terraform?.backend ?? {})[0]
}

function readText(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8')
  // Terraform makes the file before it writes it.
  return text.trim() === '' ? undefined : text
}

function twoStates(folder: string, root: string, plain: StateSummary, kept: StateSummary): AppError {
  const of = ({ serial, lineage }: StateSummary) => `serial ${serial}, lineage ${lineage}`
  const text = `root ${root} has two states: ${join(folder, PLAIN)} (${of(plain)}) and the journal's (${of(kept)}). Move the file away if the journal is right, as it is unless an older cloudmgr was used here since`
  return new AppError('conflict', 'two-states', text, { details: { field: 'root', value: root } })
}
