import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Operator } from '../site/operator.ts'
import { createServiceApi } from '../site/service-http.ts'
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
    secret,
    service: createServiceApi,
    now: () => Date.now(),
    operator: loadOperator,
    interrupted: interruption.signal,
    folder: process.cwd(),
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

/** Nothing that is typed appears; who pipes a key in has it read from the first line. */
async function secret(question: string): Promise<string | undefined> {
  const isTyped = process.stdin.isTTY
  const silent = new Writable({ write: (_text, _encoding, done) => done() })
  if (isTyped) process.stderr.write(question)
  const lines = createInterface({ input: process.stdin, ...(isTyped ? { output: silent, terminal: true } : {}) })
  const interrupted = Promise.withResolvers<undefined>()
  // The terminal is in raw mode: Ctrl-C is a key, not a signal.
  lines.once('SIGINT', () => {
    process.emit('SIGINT')
    interrupted.reject(new Error('interrupted'))
  })
  try {
    return await Promise.race([firstLine(lines), interrupted.promise])
  } finally {
    lines.close()
    if (isTyped) process.stderr.write('\n')
  }
}

async function firstLine(lines: AsyncIterable<string>): Promise<string | undefined> {
  for await (const line of lines) return line.trim()
  return undefined
}
