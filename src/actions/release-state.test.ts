import { expect, test } from 'vitest'
import type { NextAction } from './next-action.ts'
import { nextAction } from './next-action.ts'
import type { ReleaseStatus } from '../adapters/helm/port.ts'
import type { ReleaseState } from './release-state.ts'
import { releaseState } from './release-state.ts'

const states: { status: ReleaseStatus | undefined; fingerprint: string; state: ReleaseState; why: string }[] = [
  { status: undefined, fingerprint: '', state: 'absent', why: 'a release that Helm does not know is absent' },
  { status: 'deployed', fingerprint: 'wanted', state: 'in-sync', why: 'the same chart and values are in sync' },
  { status: 'deployed', fingerprint: 'other', state: 'changed', why: 'another chart or other values are a change' },
  {
    status: 'failed',
    fingerprint: 'wanted',
    state: 'changed',
    why: 'a failed revision is tried again, unchanged or not',
  },
  { status: 'pending-install', fingerprint: 'wanted', state: 'stuck', why: 'an install that was cut off is stuck' },
  { status: 'pending-upgrade', fingerprint: 'wanted', state: 'stuck', why: 'an upgrade that was cut off is stuck' },
  { status: 'pending-rollback', fingerprint: 'wanted', state: 'stuck', why: 'a rollback that was cut off is stuck' },
  { status: 'uninstalling', fingerprint: 'wanted', state: 'stuck', why: 'an uninstall that was cut off is stuck' },
  { status: 'uninstalled', fingerprint: 'wanted', state: 'absent', why: 'a kept history is no release' },
]

for (const { status, fingerprint, state, why } of states) {
  test(why, () => {
    const record = status && { name: 'a', namespace: 'b', revision: 1, chart: 'c-1', status, fingerprint }
    expect(releaseState(record, 'wanted')).toBe(state)
  })
}

const actions: { state: ReleaseState; lost: number; action: NextAction; why: string }[] = [
  { state: 'absent', lost: 0, action: 'install', why: 'an ordered release that is missing gets installed' },
  { state: 'in-sync', lost: 0, action: 'none', why: 'running the same command twice changes nothing' },
  { state: 'in-sync', lost: 2, action: 'upgrade', why: 'objects deleted by hand come back' },
  { state: 'changed', lost: 0, action: 'upgrade', why: 'new values reach the cluster' },
  { state: 'stuck', lost: 0, action: 'unlock', why: 'a stuck release is freed before anything else' },
]

for (const { state, lost, action, why } of actions) {
  test(why, () => expect(nextAction(state, lost)).toBe(action))
}
