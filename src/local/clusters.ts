import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { ClusterOrder, ClusterRecord } from './cluster.ts'
import { findJson } from './files.ts'
import { cloudPaths, pathsBeside } from './paths.ts'
import { removeFolder } from './remove-folder.ts'
import type { Cluster } from './running.ts'
import { type Caller, Supervisor } from './supervisor.ts'
import type { Volume, Volumes } from './volumes.ts'

/**
 * The first cluster and those that were ordered beside it. Each has a supervisor, a number on the host and a folder of its
 * own; volumes and images are shared. Those beside the first go before it does.
 */
export class Clusters {
  private readonly first: Supervisor
  private readonly others = new Map<string, Supervisor>()
  private readonly parts: { readonly binDir: string; readonly clock: Clock; readonly log: Log }
  /** One order of a cluster after the other. */
  private ordering: Promise<unknown> = Promise.resolve()

  constructor(folder: string, binDir: string, clock: Clock, log: Log) {
    this.parts = { binDir, clock, log }
    const beforeRemoval = async (): Promise<void> => await this.removeOthers()
    this.first = new Supervisor({ ...this.parts, paths: cloudPaths(folder), all: () => this.list(), beforeRemoval })
  }

  /** Finds everything again that was ordered; the first one before those that lead to it. */
  async start(): Promise<void> {
    await this.first.start()
    const { others } = this.first.paths
    for (const name of existsSync(others) ? readdirSync(others) : []) {
      // Its removal was nearly done, or its order hardly begun.
      if (findJson<ClusterRecord>(join(others, name, 'cluster.json')) === undefined)
        await removeFolder(join(others, name))
      else await this.resume(name)
    }
  }

  stop(): void {
    for (const one of this.all()) one.stop()
  }

  get volumes(): Volumes {
    return this.first.volumes
  }

  /** Who keeps the cluster of that name; `not-found` when nobody does. */
  of(name: string): Supervisor {
    const found = this.all().find((one) => one.findCluster()?.record.name === name)
    if (found !== undefined) return found
    throw new AppError('not-found', 'no-cluster', `there is no cluster ${name}`)
  }

  find(name: string): ClusterRecord | undefined {
    return this.list().find(({ record }) => record.name === name)?.record
  }

  /** The first one first. */
  list(): Cluster[] {
    return this.all().flatMap((one) => one.findCluster() ?? [])
  }

  /** The one whose service has the gateway. */
  firstCluster(): Cluster | undefined {
    return this.first.findCluster()
  }

  /** Of all clusters. */
  machines() {
    return this.all().flatMap((one) => one.listMachines())
  }

  async put(name: string, order: ClusterOrder, orderedBy: Caller): Promise<Cluster> {
    const ordered = this.ordering.then(() => this.putNext(name, order, orderedBy))
    this.ordering = ordered.catch(() => {
      // Told to whoever ordered it.
    })
    return await ordered
  }

  private async putNext(name: string, order: ClusterOrder, orderedBy: Caller): Promise<Cluster> {
    const present = this.first.findCluster()
    const isFirst = present === undefined || present.record.name === name
    if (isFirst && order.links.length > 0)
      throw new AppError('invalid', 'links', 'links lead to the first cluster: it can’t have any itself', {
        details: { field: 'links' },
      })
    if (isFirst) return await this.first.putCluster(name, order, orderedBy)
    if (present.record.removing === true)
      throw new AppError(
        'unavailable',
        'removing',
        `cluster ${present.record.name} is being removed, and all beside it`,
      )
    const keeper = this.others.get(name) ?? (await this.open(name))
    try {
      return await keeper.putCluster(name, order, orderedBy)
    } catch (error) {
      if (keeper.findCluster() === undefined) await this.close(name, keeper)
      throw error
    }
  }

  delete(name: string): Cluster {
    const keeper = this.of(name)
    const cluster = keeper.deleteCluster(name)
    if (keeper !== this.first) void this.forget(name, keeper, cluster)
    return cluster
  }

  /** Ends when every running machine of every cluster sees it. */
  async putVolume(name: string, sizeGb: number, orderedBy: Caller): Promise<Volume> {
    const volume = this.volumes.ensure(name, sizeGb, orderedBy)
    if (volume.orderedBy === 'service') await Promise.all(this.all().map((one) => one.showVolume(name)))
    return volume
  }

  async deleteVolume(name: string, force: boolean): Promise<void> {
    const user = this.all()
      .find((one) => one.usesVolume(name))
      ?.findCluster()
    if (user !== undefined && !force) {
      const message = `volume ${name} is used by cluster ${user.record.name}: remove the cluster first, or say force`
      throw new AppError('conflict', 'volume-in-use', message)
    }
    await Promise.all(this.all().map((one) => one.hideVolume(name)))
    this.volumes.remove(name)
  }

  private all(): Supervisor[] {
    return [this.first, ...this.others.values()]
  }

  private async open(name: string): Promise<Supervisor> {
    const paths = pathsBeside(this.first.paths, name)
    mkdirSync(paths.folder, { recursive: true, mode: 0o700 })
    const keeper = new Supervisor({ ...this.parts, paths, first: this.first, all: () => this.list() })
    this.others.set(name, keeper)
    await keeper.start()
    return keeper
  }

  /** After a restart, also in the middle of its removal. */
  private async resume(name: string): Promise<void> {
    const keeper = await this.open(name)
    const cluster = keeper.findCluster()
    if (cluster?.record.removing === true) void this.forget(name, keeper, cluster)
  }

  private async close(name: string, keeper: Supervisor): Promise<void> {
    keeper.stop()
    if (this.others.get(name) === keeper) this.others.delete(name)
    await removeFolder(keeper.paths.folder)
  }

  /** Once nothing of it is left. */
  private async forget(name: string, keeper: Supervisor, cluster: Cluster): Promise<void> {
    await cluster.work
    if (keeper.findCluster() === undefined) await this.close(name, keeper)
  }

  private async removeOthers(): Promise<void> {
    for (const [name, keeper] of this.others) {
      const cluster = keeper.findCluster()
      if (cluster === undefined) continue
      await this.forget(name, keeper, keeper.deleteCluster(name))
    }
  }
}
