import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Terraform } from '../adapters/terraform/port.ts'
import { parseKeyRing } from '../base/key-ring.ts'
import { summaryOf } from '../clusters/terraform-state.ts'
import { createStateStore } from '../clusters/terraform-states.ts'
import { openDatabase } from '../db/database.ts'
import { findPlainState, plainMove } from './plain-state.ts'
import { ensureSecrets } from './secrets.ts'
import type { StatePaths } from './state.ts'

/** What is known of the site's own Terraform roots without changing anything. */
export interface KeptRoots {
  /** A root's present state; it holds secrets. Undefined: nothing was written yet. */
  state(root: string): Promise<string | undefined>
  /** What it manages, by Terraform's addresses. */
  addresses(root: string): Promise<readonly string[]>
}

/** States of the journal, or of the plain files of a version of before, which stay as they are. */
export function readKeptRoots(paths: StatePaths): KeptRoots {
  const state = async (root: string): Promise<string | undefined> => {
    const kept = await fromJournal(paths, root)
    const plain = findPlainState(join(paths.terraform, root))
    return plain !== undefined && plainMove(plain, kept) === 'write' ? plain : kept
  }
  return {
    state,
    addresses: async (root) => {
      const text = await state(root)
      return text === undefined ? [] : summaryOf(text).addresses
    },
  }
}

/** States of a backend outside: Terraform asks it. Where its programs are not there nothing is known. */
export function outsideRoots(
  terraform: Terraform | undefined,
  paths: Pick<StatePaths, 'terraform' | 'folder'>,
  env: Readonly<Record<string, string>>,
): KeptRoots {
  return {
    // It stays there: nobody needs a copy.
    state: async () => undefined,
    addresses: async (root) => {
      const folder = join(paths.terraform, root)
      return terraform === undefined || !existsSync(folder) ? [] : await terraform.resources(folder, { env })
    },
  }
}

async function fromJournal({ journal, folder }: StatePaths, root: string): Promise<string | undefined> {
  if (!existsSync(journal)) return undefined
  const db = openDatabase({ kind: 'sqlite', path: journal })
  try {
    const keys = parseKeyRing(ensureSecrets(folder).engineKeys, 'engine keys of the state folder')
    return await createStateStore(db, keys, Date.now).read(root)
  } finally {
    await db.destroy()
  }
}
