import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'

/** What `cloudmgr` was asked and what it answered. */
export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A site of the test's own: name, state folder, domain and ports that nobody else uses. */
export interface TestSite {
  readonly name: string
  readonly domain: string
  readonly state: string
  readonly portBase: number
  /** Runs `cloudmgr` for this site. Fails when the exit code is not 0, with all that was printed. */
  run(...words: string[]): Promise<Answer>
  /** As `run`, and reads the one JSON object that `--json` prints. */
  json<T>(...words: string[]): Promise<T>
  /** As `run`, whatever the exit code. */
  attempt(...words: string[]): Promise<Answer>
  /** As `attempt`, but sends SIGINT (Ctrl-C) once it prints a line that matches. */
  interrupt(at: RegExp, ...words: string[]): Promise<Answer>
  /** Removes the site with everything, also when it is half made. */
  purge(): Promise<Answer>
}

const cloudmgr = resolve(import.meta.dirname, '../../cloudmgr')

export async function testSite(label: string): Promise<TestSite> {
  const name = `${label}${process.pid}`
  const state = join(mkdtempSync(join(tmpdir(), `cloudmgr-${label}-`)), name)
  const portBase = await freePorts(4)
  const start = (words: string[]) => {
    const options = { reject: false, stdin: 'ignore', timeout: 1_800_000 } as const
    return execa(cloudmgr, [...words, '--site', name, '--state', state], options)
  }
  const answerOf = async (running: ReturnType<typeof start>): Promise<Answer> => {
    const done = await running
    return { code: done.exitCode ?? -1, stdout: done.stdout, stderr: done.stderr }
  }
  const attempt = (...words: string[]): Promise<Answer> => answerOf(start(words))
  const interrupt = async (at: RegExp, ...words: string[]): Promise<Answer> => {
    const running = start(words)
    for await (const line of running) if (at.test(line)) running.kill('SIGINT')
    return await answerOf(running)
  }
  const run = async (...words: string[]): Promise<Answer> => {
    const answer = await attempt(...words)
    if (answer.code !== 0)
      throw new Error(`cloudmgr ${words.join(' ')} ended with ${answer.code}\n${answer.stdout}\n${answer.stderr}`)
    return answer
  }
  return {
    name,
    domain: `${name}.localhost`,
    state,
    portBase,
    run,
    attempt,
    interrupt,
    json: async <T>(...words: string[]) => JSON.parse((await run(...words, '--json')).stdout) as T,
    purge: async () => {
      const answer = await attempt('down', '--purge', '--yes')
      if (answer.code === 0) rmSync(join(state, '..'), { recursive: true, force: true })
      return answer
    },
  }
}

/** The first of `count` ports in a row that are free on the loopback now. */
async function freePorts(count: number): Promise<number> {
  for (let base = 20_000 + (process.pid % 1_000) * 10; base < 32_000; base += 10) {
    const ports = Array.from({ length: count }, (_, index) => base + index)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return base
  }
  throw new Error('no free ports on the loopback')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}
