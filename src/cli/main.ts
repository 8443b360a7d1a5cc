import { createInterface } from 'node:readline/promises'
import type { Operator } from '../site/operator.ts'
import { exitCodes } from './exit.ts'
import type { Io } from './io.ts'
import { runCli } from './program.ts'

/** The operator's words on a real terminal. The second Ctrl-C ends at once: the journal is always ready for that. */
export async function main(words: readonly string[], loadOperator: () => Promise<Operator>): Promise<number> {
  const interruption = new AbortController()
  const onSignal = () => {
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted)
    interruption.abort(new Error('interrupted'))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const io: Io = {
    out: process.stdout,
    err: process.stderr,
    ask,
    now: () => Date.now(),
    operator: loadOperator,
    interrupted: interruption.signal,
  }
  return await runCli(words, io)
}

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question(question)
  } finally {
    lines.close()
  }
}
