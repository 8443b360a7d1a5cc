import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { existingInput } from './actions/cluster-fit.ts'
import type { ExistingCluster } from '../clusters/existing-cluster.ts'
import { replaceFile } from './secrets.ts'

type Roles = ExistingCluster['roles']
const schema = z.object({ roles: existingInput.shape.roles })

/** Which nodes of a cluster that is there have labels and taints of ours: what a removal may take back, and nothing else. */
export function keptRoles(folder: string): { lastRoles: () => Roles; keepRoles: (roles: Roles) => void } {
  const path = join(folder, 'node-roles.json')
  return {
    lastRoles: () => (existsSync(path) ? (schema.parse(JSON.parse(readFileSync(path, 'utf8'))).roles as Roles) : {}),
    keepRoles: (roles) => replaceFile(path, `${JSON.stringify({ roles }, null, 2)}\n`),
  }
}
