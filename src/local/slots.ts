import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import { addressesOf, maxSlots, overlaps } from './addresses.ts'
import { findJson, findText, writeJson } from './files.ts'
import { run } from './run.ts'

/** Which site has which number, for all sites of this host. */
const home = '/var/lib/cloudmgr/slots'
const forwardFile = '/proc/sys/net/ipv4/ip_forward'

const hostFile = join(home, 'host.json')

interface SlotFile {
  readonly state: string
  /** Whether the site has anything on the host just now. */
  readonly active: boolean
}

/** What the first active site changed on the host, for the way back. */
interface HostChanges {
  readonly ipForward?: string
  readonly folders: readonly string[]
}

/** Fixed folders of Kubernetes' programs: machines mount their own over them, so they must exist. */
const mountPoints = [
  '/var/lib/kubelet',
  '/var/log/pods',
  '/var/log/containers',
  '/run/containerd',
  '/var/lib/cni',
  '/var/lib/calico',
  '/mnt/volumes',
]

export function findSlot(state: string): number | undefined {
  return [...slots()].find(([, file]) => file.state === state)?.[0]
}

/** State folders below this one that have a number: of clusters beside the first. */
export function slotsBelow(state: string): string[] {
  return [...slots().values()].map((file) => file.state).filter((one) => one.startsWith(`${state}/`))
}

/** The site's number, kept for as long as its state folder exists; and the host made ready for it. */
export async function claimSlot(state: string): Promise<number> {
  return locked(async () => {
    const slot = findSlot(state) ?? (await freeSlot())
    writeJson(slotFile(slot), { state, active: true })
    prepareHost()
    return slot
  })
}

async function freeSlot(): Promise<number> {
  for (const [slot, file] of slots()) if (!existsSync(file.state)) rmSync(slotFile(slot))
  const taken = new Set(slots().keys())
  const routes = await hostRoutes()
  for (let slot = 0; slot < maxSlots; slot += 1) if (!taken.has(slot) && !isRouted(slot, routes)) return slot
  throw new AppError('conflict', 'no-slot', `all ${maxSlots} numbers for sites on this host are taken: see ${home}`)
}

/** The site has nothing on the host any more; the last one leaves the host as the first found it. */
export async function restSlot(slot: number): Promise<void> {
  await locked(async () => {
    const file = slots().get(slot)
    if (file !== undefined) writeJson(slotFile(slot), { ...file, active: false })
    if (![...slots().values()].some(({ active, state }) => active && existsSync(state))) restoreHost()
  })
}

function prepareHost(): void {
  if (findJson<HostChanges>(hostFile) === undefined) {
    const forward = findText(forwardFile)?.trim()
    const folders = mountPoints.filter((folder) => !existsSync(folder))
    writeJson(hostFile, { ...(forward === '0' ? { ipForward: forward } : {}), folders })
  }
  // Also after a reboot, when the note is there and its effect is not.
  for (const folder of mountPoints) mkdirSync(folder, { recursive: true })
  if (findText(forwardFile)?.trim() === '0') writeFileSync(forwardFile, '1')
}

function restoreHost(): void {
  const changes = findJson<HostChanges>(hostFile)
  if (changes === undefined) return
  if (changes.ipForward !== undefined) writeFileSync(forwardFile, changes.ipForward)
  for (const folder of changes.folders) removeEmpty(folder)
  rmSync(hostFile)
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Somebody else uses it by now.
  }
}

function slotFile(slot: number): string {
  return join(home, `${slot}.json`)
}

function slots(): Map<number, SlotFile> {
  const found = new Map<number, SlotFile>()
  if (!existsSync(home)) return found
  for (const name of readdirSync(home)) {
    const slot = /^(\d+)\.json$/.exec(name)?.[1]
    const file = slot === undefined ? undefined : findJson<SlotFile>(join(home, name))
    if (file !== undefined) found.set(Number(slot), file)
  }
  return found
}

/** A network of the host that happens to use the same addresses must stay reachable. */
function isRouted(slot: number, routes: readonly string[]): boolean {
  const { uplink, bridge } = addressesOf(slot)
  return routes.some((route) => overlaps(route, uplink.subnet) || overlaps(route, bridge.subnet))
}

async function hostRoutes(): Promise<string[]> {
  const routes = JSON.parse(await run('ip', ['-4', '-j', 'route', 'show', 'table', 'main'])) as { dst: string }[]
  return routes.map((route) => route.dst).filter((dst) => /^\d/.test(dst))
}

/** A folder is made by one process only, on every file system. A holder that died is waited out. */
async function locked<T>(work: () => Promise<T>): Promise<T> {
  const lock = `${home}.lock`
  mkdirSync(home, { recursive: true, mode: 0o700 })
  while (!tryMake(lock)) {
    if (Date.now() - ageOf(lock) > 20_000) rmSync(lock, { recursive: true, force: true })
    await delay(50)
  }
  try {
    return await work()
  } finally {
    rmdirSync(lock)
  }
}

function tryMake(folder: string): boolean {
  try {
    mkdirSync(folder)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new AppError('unavailable', 'slots', `making ${folder}`, { cause })
  }
}

function ageOf(folder: string): number {
  return statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
}
