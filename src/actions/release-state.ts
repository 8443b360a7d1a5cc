import type { ReleaseRecord } from '../adapters/helm/port.ts'

/** `stuck`: a revision was begun and never finished; nobody works on it, because the task that asks holds the release's lock. */
export type ReleaseState = 'absent' | 'in-sync' | 'changed' | 'stuck'

/** Decides only. `wanted` is the fingerprint of the chart and values that are wanted now. */
export function releaseState(record: ReleaseRecord | undefined, wanted: string): ReleaseState {
  if (record === undefined) return 'absent'
  switch (record.status) {
    case 'deployed':
      return record.fingerprint === wanted ? 'in-sync' : 'changed'
    case 'failed':
    case 'superseded':
    case 'unknown':
      return 'changed'
    case 'uninstalled':
      return 'absent'
    case 'uninstalling':
    case 'pending-install':
    case 'pending-upgrade':
    case 'pending-rollback':
      return 'stuck'
  }
}
