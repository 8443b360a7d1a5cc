import type { Account } from '../accounts/account.ts'
import { bellOf } from '../commands/bell.ts'
import { cursorText, parseCursor, readLines } from '../commands/follow.ts'
import { getCommand } from '../commands/store.ts'
import type { ApiDeps } from './deps.ts'
import { viewState } from './show-command.ts'

/** The engine is another process: its rows are looked for this often while somebody follows. */
const LOOK_MS = 400
const BEAT_MS = 15_000

/**
 * Server-sent events of one command: `state` with everything but output, again whenever it changes; `output` with one
 * line; `end` when there will be nothing more. Each id holds what was sent before: who comes back with it misses no line.
 */
export async function* commandEvents(
  deps: Pick<ApiDeps, 'db' | 'plans' | 'clock'>,
  caller: Account,
  id: number,
  lastEventId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { db, clock } = deps
  const cursor = parseCursor(lastEventId)
  let shown = ''
  let saidAt = clock.now()
  while (!signal.aborted) {
    const rung = listen(deps, signal)
    const { lines, ended, more } = await readLines(db, id, cursor)
    const state = JSON.stringify(await viewState(deps, caller, await getCommand(db, id)))
    const events: string[] = []
    for (const { id: line, task, ...told } of lines) {
      cursor.set(task, line)
      const data = JSON.stringify({ task, ...told, at: new Date(told.at).toISOString() })
      events.push(event('output', cursorText(cursor), data))
    }
    if (state !== shown) events.push(event('state', cursorText(cursor), state))
    shown = state
    if (ended && !more) events.push(event('end', cursorText(cursor), '{}'))
    if (events.length === 0 && clock.now() - saidAt >= BEAT_MS) events.push(': still here\n\n')
    if (events.length > 0) {
      saidAt = clock.now()
      yield events.join('')
    }
    if (ended && !more) return rung.stop()
    if (!more) await Promise.race([rung.heard, clock.sleep(LOOK_MS, signal).catch(() => {})]) // Aborted: the loop ends.
    rung.stop()
  }
}

/** From before the look: what is rung while one looks is not missed. */
function listen({ db }: Pick<ApiDeps, 'db'>, signal: AbortSignal) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const deaf = bellOf(db).listen(resolve)
  signal.addEventListener('abort', () => resolve(), { once: true })
  return { heard: promise, stop: deaf }
}

function event(name: string, id: string, data: string): string {
  return `${id === '' ? '' : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`
}
