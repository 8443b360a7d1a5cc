import type { Db } from '../db/database.ts'
import { hasEnded } from './command.ts'
import { withIssued } from './issued.ts'
import { getCommand } from './store.ts'

/** The last line that was read of each task, by its id: what a reader comes back with. */
export type Cursor = ReadonlyMap<number, number>

export interface FollowedLine {
  readonly id: number
  readonly task: number
  readonly step: string
  readonly at: number
  readonly line: string
}

const PAGE = 500

/** `12-340.13-352`: line 340 of task 12 and line 352 of task 13 were read. */
export function cursorText(cursor: Cursor): string {
  return [...cursor].map(([task, line]) => `${task}-${line}`).join('.')
}

/** What is no cursor reads as none: the reader gets everything. */
export function parseCursor(text: string | undefined): Map<number, number> {
  if (text === undefined || !/^\d{1,15}-\d{1,15}(\.\d{1,15}-\d{1,15}){0,200}$/.test(text)) return new Map()
  return new Map(text.split('.').map((pair) => pair.split('-').map(Number) as [number, number]))
}

export interface Followed {
  readonly lines: readonly FollowedLine[]
  readonly ended: boolean
  /** There is more to be read at once. */
  readonly more: boolean
}

/**
 * Lines after the cursor of a command and of what its steps have ordered, task by task: lines of one task are written in the order of their ids, those of two may become
 * visible in another order.
 */
export async function readLines(db: Db, command: number, cursor: Cursor): Promise<Followed> {
  // Looked at before the lines: what is written after its end would be missed otherwise.
  const { whole, issued } = await withIssued(db, await getCommand(db, command))
  const ended = hasEnded(whole)
  const tasks = await db
    .selectFrom('tasks')
    .select(['id', 'step'])
    .where('command_id', 'in', [command, ...issued.map(({ id }) => id)])
    .orderBy('command_id')
    .orderBy('position')
    .execute()
  const lines: FollowedLine[] = []
  for (const { id, step } of tasks) {
    const rows = await db
      .selectFrom('task_output')
      .select(['id', 'at', 'line'])
      .where('task_id', '=', id)
      .where('id', '>', cursor.get(id) ?? 0)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    lines.push(...rows.map((row) => ({ ...row, task: id, step })))
  }
  return { lines, ended, more: lines.length >= PAGE }
}
