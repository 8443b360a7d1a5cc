import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { outsideBackendIn } from '../clusters/outside-backend.ts'
import {
  getState,
  getVersionRow,
  listStates,
  listVersions,
  type StateRow,
  type VersionRow,
} from '../clusters/state-rows.ts'
import { summaryOf } from '../clusters/terraform-state.ts'
import type { StateStore } from '../clusters/terraform-states.ts'
import type { Db } from '../db/database.ts'
import { isLocked } from './lock.ts'
import { findPlainState } from './plain-state.ts'
import type { StatePaths } from './state.ts'

/** A root of the site itself. */
export interface SiteStateRow extends StateRow {
  /** Its state is a readable file of a version of before: the next `up` or `down` moves it into the journal. */
  readonly plain?: true
  /** Its state lies in a backend of Terraform's own, of this name: versions and locks are that one's. */
  readonly outside?: string
}

/** States of the site's own roots. Who changes one holds the site's lock. */
export interface SiteStates {
  list(): Promise<SiteStateRow[]>
  /** Undefined when the site has no such root. */
  find(root: string): Promise<SiteStateRow | undefined>
  /** Newest first. */
  versions(root: string): Promise<VersionRow[]>
  version(root: string, version: number): Promise<VersionRow>
  /** The serial that the version has now; undefined when the newest says the same. `present`: the newest that was seen. */
  restore(root: string, version: number, present: number): Promise<number | undefined>
  /** False when nobody had the lock. */
  unlock(root: string): Promise<boolean>
}

export function createSiteStates(db: Db, store: StateStore, paths: StatePaths, now: () => number): SiteStates {
  // A lease of a killed process lasts a while: without a living one nobody works on anything.
  const time = () => (isLocked(paths.folder) ? now() : Number.MAX_SAFE_INTEGER)
  const list = async (): Promise<SiteStateRow[]> => {
    const rows = await listStates(db, time())
    const plain = [...plainRoots(paths).map((root) => plainRow(paths, root)), ...outsideRows(paths)]
    const others = rows.filter(({ root }) => plain.every((one) => one.root !== root))
    return [...others, ...plain].toSorted((one, other) => (one.root < other.root ? -1 : 1))
  }
  const mustBeMoved = (root: string): void => {
    if (!plainRoots(paths).includes(root)) return
    const text = `the state of ${root} is still a plain file: ./cloudmgr up moves it, then it has versions`
    throw new AppError('conflict', 'state-plain', text, { details: { field: 'root', value: root } })
  }
  const mustBeHere = (root: string): void => {
    const outside = outsideBackendIn(join(paths.terraform, root))
    if (outside !== undefined) throw keptOutside(root, outside, join(paths.terraform, root))
    mustBeMoved(root)
  }
  return {
    list,
    find: async (root) => (await list()).find((one) => one.root === root),
    versions: async (root) => {
      mustBeHere(root)
      await getState(db, root, time())
      return await listVersions(db, root)
    },
    version: async (root, version) => {
      mustBeHere(root)
      return await getVersionRow(db, root, version)
    },
    restore: async (root, version, present) => {
      mustBeHere(root)
      return (await store.restore(root, version, { present }))?.serial
    },
    unlock: async (root) => {
      mustBeHere(root)
      return await store.release(root)
    },
  }
}

function outsideRows({ terraform }: StatePaths): SiteStateRow[] {
  if (!existsSync(terraform)) return []
  return readdirSync(terraform).flatMap((root) => {
    const outside = outsideBackendIn(join(terraform, root))
    return outside === undefined ? [] : [{ root, version: 0, changedAt: 0, outside }]
  })
}

function keptOutside(root: string, backend: string, folder: string): AppError {
  const text = `the state of ${root} is kept by backend ${backend}, as the site file has it: versions and locks are that one's. Versions: where it keeps them (a bucket with versioning, for example). A lock that a dead run left: with the variables of state.secrets set, tofu -chdir=${folder} force-unlock ID; who is refused is told the ID`
  return new AppError('conflict', 'state-outside', text, { details: { field: 'root', value: root, backend } })
}

function plainRoots({ terraform }: StatePaths): string[] {
  if (!existsSync(terraform)) return []
  return readdirSync(terraform).filter((root) => findPlainState(join(terraform, root)) !== undefined)
}

function plainRow({ terraform }: StatePaths, root: string): SiteStateRow {
  const { serial, bytes, addresses } = summaryOf(findPlainState(join(terraform, root)) ?? '')
  return { root, version: 0, changedAt: 0, serial, bytes, addresses, plain: true }
}
