import { createHash } from 'node:crypto'
import { isTree } from '../../base/merge.ts'
import type { Manifest } from './port.ts'

/** Annotation of what we applied: its digest. */
export const appliedAnnotation = 'cloudmgr.io/applied'

export function withDigest(manifest: Manifest): Manifest {
  const digest = createHash('sha256').update(JSON.stringify(manifest)).digest('hex').slice(0, 32)
  const { annotations, ...metadata } = manifest.metadata
  return { ...manifest, metadata: { ...metadata, annotations: { ...annotations, [appliedAnnotation]: digest } } }
}

/**
 * Whether applying it again would change nothing: the same was applied last, so that no field of ours is to go, and every
 * value is still there. To see it costs the API server less than half of applying. What it stores in other words than we
 * write (`1000m`, `stringData`) is applied again.
 */
export function isApplied(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(live) || live.length !== wanted.length) return false
    return wanted.every((one, index) => isApplied(live[index], one))
  }
  if (!isTree(wanted)) return live === wanted
  return isTree(live) && Object.entries(wanted).every(([key, value]) => isApplied(live[key], value))
}
