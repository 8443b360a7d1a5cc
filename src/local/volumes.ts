import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { findJson, writeJson } from './files.ts'
import type { VolumeMount } from './mounts.ts'

export const volumeOrder = z.strictObject({ sizeGb: z.number().positive().max(1_000_000) })

export interface Volume {
  readonly name: string
  /** A promise: a folder has no size of its own. */
  readonly sizeGb: number
  /** As seen on every machine. */
  readonly path: string
  readonly orderedBy: 'operator' | 'service'
}

/** Folders by name that outlive clusters. */
export class Volumes {
  private readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  find(name: string): Volume | undefined {
    return findJson<Volume>(this.fileOf(check(name)))
  }

  get(name: string): Volume {
    const volume = this.find(name)
    if (volume === undefined) throw new AppError('not-found', 'no-volume', `there is no volume ${name}`)
    return volume
  }

  list(): Volume[] {
    if (!existsSync(this.folder)) return []
    return readdirSync(this.folder).flatMap((entry) => (entry.endsWith('.json') ? [this.get(entry.slice(0, -5))] : []))
  }

  ensure(name: string, sizeGb: number, orderedBy: Volume['orderedBy']): Volume {
    const volume = {
      name: check(name),
      sizeGb,
      path: `/mnt/volumes/${name}`,
      orderedBy: this.find(name)?.orderedBy ?? orderedBy,
    }
    if (!existsSync(this.folderOf(name))) {
      mkdirSync(this.folderOf(name), { recursive: true })
      // Pods of any user write to it; on this host nobody gets past the state folder.
      chmodSync(this.folderOf(name), 0o777)
    }
    writeJson(this.fileOf(name), volume)
    return volume
  }

  remove(name: string): void {
    rmSync(this.folderOf(check(name)), { recursive: true, force: true })
    rmSync(this.fileOf(name), { force: true })
  }

  mounts(names: readonly string[]): VolumeMount[] {
    return names.map((name) => ({ name: this.get(name).name, folder: this.folderOf(name) }))
  }

  private folderOf(name: string): string {
    return join(this.folder, name)
  }

  private fileOf(name: string): string {
    return join(this.folder, `${name}.json`)
  }
}

function check(name: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) return name
  throw new AppError(
    'invalid',
    'volume-name',
    `volume name "${name}" is not usable: 1 to 40 lower-case letters, digits or "-"`,
    {
      details: { field: 'name', value: name },
    },
  )
}
