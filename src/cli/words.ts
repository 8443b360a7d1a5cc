import type { Command } from 'commander'
import type { ExitCode } from './exit.ts'
import type { GlobalOptions, Io } from './io.ts'

/** What a line of words does. */
export type Run = (options: GlobalOptions & Record<string, unknown>, io: Io) => Promise<ExitCode>

/** Gives a command its options for every word, and what it does: loaded when it is used. */
export type On = (command: Command, load: (words: readonly string[]) => Promise<Run>) => Command

export const run = (load: (options: never, io: Io) => Promise<ExitCode>): Run => load as Run
