import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { type BuildProgress, buildTools, moduleFile } from './build.ts'
import type { ToolCache } from './cache.ts'
import { type Group, groups, type Tool } from './catalogue.ts'
import { Estimate } from './estimate.ts'
import type { ToolEvent } from './events.ts'
import { fetchReleases } from './fetch-releases.ts'
import { type Go, type GoChoice, prepareGo } from './go.ts'
import { withLock } from './lock.ts'
import type { ReleaseSource } from './releases.ts'
import { checkSpace, spaceNeeded } from './space.ts'

export interface Wanted {
  readonly tool: Tool
  readonly key: string
}

export interface BuildInput {
  readonly cache: ToolCache
  readonly cacheDir: string
  readonly projectFolder: string
  readonly goChoice: GoChoice
  /** Where official releases come from. */
  readonly releases: ReleaseSource
  readonly onProgress: (event: ToolEvent) => void
  readonly signal: AbortSignal | undefined
}

/** Fetches or builds what is still missing once this process alone may build; what another one built meanwhile is left. */
export async function buildMissing(
  missing: readonly Wanted[],
  lookAgain: (wanted: readonly Wanted[]) => Promise<readonly Wanted[]>,
  input: BuildInput,
): Promise<void> {
  const { cacheDir, onProgress, signal } = input
  const onWait = (reason: string) => onProgress({ kind: 'waiting', reason })
  await withLock(join(cacheDir, 'build.lock'), { purpose: 'building programs', onWait, signal }, async () => {
    const left = await lookAgain(missing)
    if (left.length === 0) return
    await removeLeftovers(cacheDir)
    const toBuild = await fetchReleases(left, { ...input, source: input.releases })
    if (toBuild.length === 0) return
    const go = await prepareGo(input.goChoice, cacheDir, onProgress, signal)
    await buildGroups(toBuild, go, input)
  })
}

// We hold the lock: whatever lies there belongs to a build that was interrupted.
async function removeLeftovers(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (name.startsWith('.building-') || name.startsWith('.go-'))
      await rm(join(cacheDir, name), { recursive: true, force: true })
  }
}

async function buildGroups(left: readonly Wanted[], go: Go, input: BuildInput): Promise<void> {
  const needs = await spaceNeeded(
    left.map(({ tool }) => tool),
    go,
    input.cacheDir,
  )
  await checkSpace(needs)
  const estimate = new Estimate(left.map(({ tool }) => tool.group))
  const needGb = needs.reduce((sum, { gb }) => sum + gb, 0)
  const { onProgress } = input
  onProgress({ kind: 'start', tools: left.length, restSeconds: estimate.restSeconds(), needGb, go: `Go ${go.version}` })
  const counter = { done: 0, total: left.length }
  for (const group of groups) {
    const members = left.filter(({ tool }) => tool.group === group)
    if (members.length > 0) await new GroupBuild(group, members, go, input, estimate, counter).run()
  }
}

/** One group: built beside the cache, each program moved into it when the whole build has ended. */
class GroupBuild {
  private readonly group: Group
  private readonly members: readonly Wanted[]
  private readonly go: Go
  private readonly input: BuildInput
  private readonly estimate: Estimate
  private readonly counter: { done: number; total: number }
  private readonly started = Date.now()
  private readonly told = new Set<string>()
  private lastTold = Date.now()

  constructor(
    group: Group,
    members: readonly Wanted[],
    go: Go,
    input: BuildInput,
    estimate: Estimate,
    counter: { done: number; total: number },
  ) {
    this.group = group
    this.members = members
    this.go = go
    this.input = input
    this.estimate = estimate
    this.counter = counter
  }

  async run(): Promise<void> {
    const { cacheDir, projectFolder, signal, onProgress } = this.input
    const tools = this.members.map(({ tool }) => tool.name)
    onProgress({ kind: 'building', group: this.group, tools, restSeconds: this.estimate.restSeconds() })
    const into = join(cacheDir, `.building-${process.pid}-${this.group}`)
    await rm(into, { recursive: true, force: true })
    try {
      const programs = this.members.flatMap(({ tool }) => (tool.file === undefined ? [tool] : []))
      const onBuild = (progress: BuildProgress) => this.tell(progress)
      const { files, failure } = await buildTools(programs, {
        go: this.go,
        projectFolder,
        into,
        onProgress: onBuild,
        signal,
      })
      for (const [tool, file] of files) await this.store(tool, file)
      if (failure !== undefined) throw failure
      for (const { tool } of this.members) if (tool.file !== undefined) await this.copy(tool, into)
    } finally {
      await rm(into, { recursive: true, force: true })
    }
    this.estimate.done(this.group, this.seconds())
  }

  private async store(tool: Tool, file: string): Promise<void> {
    const key = this.members.find((member) => member.tool === tool)?.key
    if (key === undefined) throw new AppError('bug', 'tool-missing', `${tool.name} was built without being asked for`)
    await this.input.cache.store(tool.name, key, file)
    this.tellBuilt(tool)
  }

  private async copy(tool: Tool, into: string): Promise<void> {
    await mkdir(into, { recursive: true })
    const copied = join(into, tool.name)
    await copyFile(await moduleFile(tool, this.go, this.input.projectFolder), copied)
    await this.store(tool, copied)
  }

  private tell({ packages, downloads, done }: BuildProgress): void {
    for (const tool of done) this.tellBuilt(tool)
    if (Date.now() - this.lastTold < 10_000) return
    this.lastTold = Date.now()
    const { group } = this
    this.input.onProgress({
      kind: 'compiling',
      group,
      seconds: this.seconds(),
      packages,
      downloads,
      restSeconds: this.rest(),
    })
  }

  private tellBuilt(tool: Tool): void {
    if (this.told.has(tool.name)) return
    this.told.add(tool.name)
    this.counter.done += 1
    const { done: index, total } = this.counter
    const rest = index === total ? 0 : this.rest()
    this.input.onProgress({ kind: 'built', tool: tool.name, index, total, seconds: this.seconds(), restSeconds: rest })
  }

  private rest(): number {
    return this.estimate.restSeconds(this.group, this.seconds())
  }

  private seconds(): number {
    return (Date.now() - this.started) / 1000
  }
}
