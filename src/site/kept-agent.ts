import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { ObjectRef } from '../adapters/kubernetes/port.ts'
import { replaceFile } from './secrets.ts'

const refs = z.array(
  z.object({ apiVersion: z.string(), kind: z.string(), name: z.string(), namespace: z.string().optional() }),
)

export interface KeptAgent {
  /** Objects of Rancher's agent that we applied; `undefined`: none. */
  readonly lastAgent: () => readonly ObjectRef[] | undefined
  readonly keepAgent: (objects: readonly ObjectRef[] | undefined) => void
}

/** Which objects of a Rancher's agent are in the cluster because of us: what a removal takes away again. */
export function keptAgent(folder: string): KeptAgent {
  const path = join(folder, 'rancher-agent.json')
  return {
    lastAgent: () => (existsSync(path) ? refs.parse(JSON.parse(readFileSync(path, 'utf8'))) : undefined),
    keepAgent: (objects) =>
      objects === undefined
        ? rmSync(path, { force: true })
        : replaceFile(path, `${JSON.stringify(objects, null, 2)}\n`),
  }
}
