import type { ReleaseState } from './release-state.ts'

export type NextAction = 'install' | 'upgrade' | 'unlock' | 'none'

/** Decides only; the helm-release action executes. Lost objects of an unchanged release come back by an upgrade. */
export function nextAction(state: ReleaseState, lostObjects = 0): NextAction {
  switch (state) {
    case 'absent':
      return 'install'
    case 'changed':
      return 'upgrade'
    case 'stuck':
      return 'unlock'
    case 'in-sync':
      return lostObjects > 0 ? 'upgrade' : 'none'
  }
}
