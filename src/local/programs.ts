import { rmSync, statSync, truncateSync, copyFileSync, readdirSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { findJson, findText, writeJson } from './files.ts'
import { findOrphan, fingerprint, launch, type ProgramSpec } from './launch.ts'
import { endProcess, isAlive, type ProcessId } from './processes.ts'
import { afterRestart, nextStartAt, type RunRecord } from './restarts.ts'

interface ProgramFile extends ProcessId {
  readonly fingerprint: string
}

interface Entry {
  readonly spec: ProgramSpec
  process: ProcessId
  record: RunRecord
  foundDeadAt: number | undefined
}

export interface ProgramState {
  readonly name: string
  readonly alive: boolean
  readonly pid: number
  readonly failures: number
}

const logLimit = 8 << 20

/** The site's programs: started once, found again after a restart of the supervisor, started anew when they die. */
export class Programs {
  private readonly entries = new Map<string, Entry>()
  private readonly queues = new Map<string, Promise<void>>()
  private readonly folder: string
  private readonly clock: Clock
  private readonly log: Log

  constructor(folder: string, clock: Clock, log: Log) {
    this.folder = folder
    this.clock = clock
    this.log = log
  }

  /** Ends with the program running as described: adopted when it runs already, restarted when it runs differently. */
  ensure(spec: ProgramSpec): Promise<void> {
    return this.alone(spec.name, () => this.bring(spec))
  }

  private async bring(spec: ProgramSpec): Promise<void> {
    const wanted = fingerprint(spec)
    const file = findJson<ProgramFile>(this.fileOf(spec.name))
    const living = file !== undefined && isAlive(file) ? file : undefined
    if (living?.fingerprint === wanted) return this.keep(spec, living, this.clock.now())
    if (living !== undefined) await endProcess(living, spec.graceMs ?? 5000)
    const orphan = living === undefined ? findOrphan(this.folder, spec) : undefined
    if (orphan !== undefined) await endProcess(orphan, spec.graceMs ?? 5000)
    this.keep(spec, await this.start(spec), this.clock.now())
  }

  /** Ends it for good. `graceMs` 0 kills at once. */
  remove(name: string, graceMs?: number): Promise<void> {
    return this.alone(name, () => this.end(name, graceMs))
  }

  private async end(name: string, graceMs: number | undefined): Promise<void> {
    const entry = this.entries.get(name)
    this.entries.delete(name)
    const file = findJson<ProgramFile>(this.fileOf(name))
    if (file !== undefined) await endProcess(file, graceMs ?? entry?.spec.graceMs ?? 5000)
    rmSync(this.fileOf(name), { force: true })
    for (const suffix of ['', '.1']) rmSync(`${this.logOf(name)}${suffix}`, { force: true })
  }

  async removeAll(matches: (name: string) => boolean, graceMs?: number): Promise<void> {
    await Promise.all(
      this.names()
        .filter(matches)
        .map((name) => this.remove(name, graceMs)),
    )
  }

  /** Looks after all of them: starts what died and is due, keeps logs short. Called every second. */
  async tick(): Promise<void> {
    await Promise.all([...this.entries.values()].map((entry) => this.alone(entry.spec.name, () => this.revive(entry))))
    for (const name of this.entries.keys()) this.limitLog(name)
  }

  states(): ProgramState[] {
    return [...this.entries.values()].map(({ spec, process, record }) => ({
      name: spec.name,
      alive: isAlive(process),
      pid: process.pid,
      failures: record.failures,
    }))
  }

  isAlive(name: string): boolean {
    const entry = this.entries.get(name)
    return entry !== undefined && isAlive(entry.process)
  }

  /** The last lines it wrote, to explain why it does not become ready. */
  lastWords(name: string, lines = 3): string {
    const text = findText(this.logOf(name)) ?? ''
    return text.trimEnd().split('\n').slice(-lines).join(' | ').slice(-800)
  }

  private async revive(entry: Entry): Promise<void> {
    const { spec } = entry
    if (this.entries.get(spec.name) !== entry || isAlive(entry.process)) return
    const now = this.clock.now()
    if (entry.foundDeadAt === undefined) {
      entry.foundDeadAt = now
      this.log.warn('program ended', { program: spec.name, lastWords: this.lastWords(spec.name, 1) })
    }
    const foundDeadAt = entry.foundDeadAt
    if (now < nextStartAt(entry.record, foundDeadAt)) return
    // Noted before the start: the next look must not start it a second time.
    entry.foundDeadAt = undefined
    entry.record = afterRestart(entry.record, foundDeadAt, now)
    entry.process = await this.start(spec)
  }

  /** One thing at a time for each program: many machines ask for the same one at once. */
  private async alone(name: string, work: () => Promise<void>): Promise<void> {
    const before = this.queues.get(name) ?? Promise.resolve()
    const mine = before.then(work, work)
    this.queues.set(name, mine)
    try {
      await mine
    } finally {
      if (this.queues.get(name) === mine) this.queues.delete(name)
    }
  }

  private async start(spec: ProgramSpec): Promise<ProcessId> {
    const process = await launch(this.folder, join(this.folder, 'logs'), spec)
    writeJson(this.fileOf(spec.name), { ...process, fingerprint: fingerprint(spec) })
    this.log.info('program started', { program: spec.name, pid: process.pid })
    return process
  }

  private keep(spec: ProgramSpec, process: ProcessId, startedAt: number): void {
    this.entries.set(spec.name, { spec, process, record: { startedAt, failures: 0 }, foundDeadAt: undefined })
  }

  private names(): string[] {
    const folder = join(this.folder, 'programs')
    const files = existsSync(folder) ? readdirSync(folder) : []
    const noted = files.flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -5)] : []))
    return [...new Set([...noted, ...this.entries.keys()])]
  }

  private limitLog(name: string): void {
    const path = this.logOf(name)
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < logLimit) return
    copyFileSync(path, `${path}.1`)
    // The program goes on writing at the end, which is the beginning now.
    truncateSync(path)
  }

  private fileOf(name: string): string {
    return join(this.folder, 'programs', `${name}.json`)
  }

  private logOf(name: string): string {
    return join(this.folder, 'logs', `${name}.log`)
  }
}
