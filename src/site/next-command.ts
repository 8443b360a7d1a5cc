import type { CommandView } from './journal.ts'

export type NextCommand = 'new' | 'continue' | 'retry' | 'replace'

/**
 * What `up` and `down` do with the newest command: an interrupted one is continued, a failed one retried, where what its
 * finished steps made is still there. After a reboot or with other wishes all steps look again: a new one replaces it.
 */
export function nextCommand(
  last: Pick<CommandView, 'plan' | 'phase' | 'state'> | undefined,
  wanted: Pick<CommandView, 'plan' | 'phase'>,
  known: { cloudAnswers: boolean; sameParams: boolean },
): NextCommand {
  if (last === undefined || last.state === 'done') return 'new'
  const same = last.plan === wanted.plan && last.phase === wanted.phase && known.sameParams
  const usable = same && known.cloudAnswers
  if (last.state === 'failed') return usable ? 'retry' : 'new'
  return usable ? 'continue' : 'replace'
}
