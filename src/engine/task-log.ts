import { bellOf } from '../commands/bell.ts'
import type { Db } from '../db/database.ts'

const flushMs = 200
const longestLine = 4_000
const mostLines = 20_000

export interface TaskLogDeps {
  readonly db: Db
  readonly task: { readonly id: number; readonly fencing: number }
  readonly mask: (text: string) => string
  readonly now: () => number
  /** Told when rows could not be written; they are tried again with the next ones. */
  readonly failed: (error: unknown) => void
}

/** What a task says while it runs, masked and written in small batches, so that a crash loses less than a second of it. */
export class TaskLog {
  readonly #deps: TaskLogDeps
  #lines: { readonly task_id: number; readonly at: number; readonly line: string }[] = []
  #count = 0
  #waiting: string | undefined
  #waitingChanged = false
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(deps: TaskLogDeps) {
    this.#deps = deps
  }

  output(text: string): void {
    for (const line of this.#deps.mask(text).split('\n')) this.#add(line)
    this.#soon()
  }

  waiting(reason: string | undefined): void {
    const masked = reason === undefined ? undefined : this.#deps.mask(reason)
    if (masked === this.#waiting) return
    this.#waiting = masked
    this.#waitingChanged = true
    this.#soon()
  }

  /** Writes what is left; never rejects. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#waitingChanged = false
    await this.#flush()
  }

  #add(line: string): void {
    this.#count += 1
    if (this.#count > mostLines) return
    const cut = line.length > longestLine ? `${line.slice(0, longestLine)} …` : line
    const text = this.#count === mostLines ? '(more output is not kept)' : cut
    this.#lines.push({ task_id: this.#deps.task.id, at: this.#deps.now(), line: text })
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.#flush()
    }, flushMs)
  }

  #flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const { db, task, failed } = this.#deps
    const lines = this.#lines.splice(0, 200)
    const waiting = this.#waitingChanged
    this.#waitingChanged = false
    try {
      if (lines.length > 0) await db.insertInto('task_output').values(lines).execute()
      if (waiting) {
        const held = db.updateTable('tasks').where('id', '=', task.id).where('fencing', '=', task.fencing)
        await held
          .set({
            waiting: this.#waiting ?? null,
            waiting_since: this.#waiting === undefined ? null : this.#deps.now(),
          })
          .where('state', '=', 'running')
          .execute()
      }
      if (lines.length > 0 || waiting) bellOf(db).ring()
    } catch (error) {
      this.#lines.unshift(...lines)
      this.#waitingChanged ||= waiting
      failed(error)
      return
    }
    if (this.#lines.length > 0) await this.#write()
  }
}
