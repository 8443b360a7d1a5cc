import { mkdir, readdir, stat, statfs } from 'node:fs/promises'
import { AppError } from '../base/errors.ts'
import { coldCosts, type Group, type Tool } from './catalogue.ts'
import type { Go } from './go.ts'

export interface Need {
  readonly folder: string
  readonly gb: number
  readonly what: string
}

/** What a build will write where, at most. Caches that hold something already make it less; how much can't be known. */
export async function spaceNeeded(tools: readonly Tool[], go: Go, cacheDir: string): Promise<readonly Need[]> {
  const groups = new Set<Group>(tools.map((tool) => tool.group))
  const cold = [...groups].reduce((sum, group) => sum + coldCosts[group].gb, 0)
  const [objectsWarm, modulesWarm] = await Promise.all([
    isFilled(go.objects, 'trim.txt'),
    isFilled(go.modules, 'k8s.io'),
  ])
  return [
    { folder: cacheDir, gb: 0.08 * tools.length, what: 'programs' },
    { folder: go.objects, gb: objectsWarm ? cold * 0.1 : cold * 0.5, what: 'compiled packages' },
    { folder: go.modules, gb: modulesWarm ? cold * 0.1 : cold * 0.5, what: 'modules' },
  ]
}

/** Refuses a build that would fill a disk, before it starts. */
export async function checkSpace(needs: readonly Need[]): Promise<void> {
  const disks = new Map<number, { free: number; needs: Need[] }>()
  for (const need of needs) {
    await mkdir(need.folder, { recursive: true })
    const [{ dev }, fs] = await Promise.all([stat(need.folder), statfs(need.folder)])
    const disk = disks.get(dev) ?? { free: (fs.bavail * fs.bsize) / 1e9, needs: [] }
    disk.needs.push(need)
    disks.set(dev, disk)
  }
  for (const disk of disks.values()) refuseWhenFull(disk.free, disk.needs)
}

function refuseWhenFull(freeGb: number, needs: readonly Need[]): void {
  const neededGb = needs.reduce((sum, { gb }) => sum + gb, 0)
  if (freeGb >= neededGb) return
  const folders = needs.map(({ folder, what }) => `${what} in ${folder}`).join(', ')
  throw new AppError(
    'unavailable',
    'no-disk-space',
    `building the programs needs ${neededGb.toFixed(1)} GB and ${freeGb.toFixed(1)} GB are free (${folders}); ` +
      'free some, or set CLOUDMGR_CACHE to a folder on another disk',
    { details: { neededGb, freeGb, folders: needs.map(({ folder }) => folder) } },
  )
}

async function isFilled(folder: string, sign: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.includes(sign)
}
