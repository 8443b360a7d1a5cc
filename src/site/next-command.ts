import type { CommandView } from './journal.ts'

export type NextCommand = 'new' | 'replace'

/**
 * What `up` and `down` do with the newest command. Every step looks before it does, so a new command costs seconds where
 * the old one was done, and sees what was mended or changed meanwhile; an unfinished one is ended first.
 */
export function nextCommand(last: Pick<CommandView, 'state'> | undefined): NextCommand {
  if (last === undefined) return 'new'
  return last.state === 'done' || last.state === 'failed' ? 'new' : 'replace'
}
