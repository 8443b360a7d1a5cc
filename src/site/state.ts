import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { replaceFile } from './secrets.ts'
import { type Site, siteSchema } from './site.ts'

/** Counts the forms of `site.json` that older versions can't read. */
const formVersion = 1
const fileSchema = siteSchema.extend({ cloudmgr: z.literal('site'), version: z.literal(formVersion) })

/** Where things lie in a site's state folder. */
export interface StatePaths {
  readonly folder: string
  readonly site: string
  readonly journal: string
  readonly terraform: string
  readonly kubeconfig: string
  /** Of the cluster that the site's own Rancher runs in. */
  readonly rancherKubeconfig: string
  readonly cloud: string
  readonly socket: string
  /** Of the cluster. */
  readonly ca: string
  /** Of the site's certificate, where the world does not know it. */
  readonly authority: string
}

export function statePaths(folder: string): StatePaths {
  return {
    folder,
    site: join(folder, 'site.json'),
    journal: join(folder, 'journal.db'),
    terraform: join(folder, 'terraform'),
    kubeconfig: join(folder, 'kubeconfig'),
    rancherKubeconfig: join(folder, 'rancher-kubeconfig'),
    cloud: join(folder, 'cloud'),
    socket: join(folder, 'cloud', 'api.sock'),
    ca: join(folder, 'ca.pem'),
    authority: join(folder, 'authority.pem'),
  }
}

/** Whether anything outside may exist: before that only the state folder and the hosts lines do. */
export function isMade(paths: StatePaths): boolean {
  // The last of its roots that is written.
  const isWritten = ['cluster', 'import'].some((root) => existsSync(join(paths.terraform, root, 'main.tf.json')))
  return isWritten || existsSync(paths.kubeconfig)
}

/** Whether its cluster ever came up. */
export function hadCluster({ kubeconfig }: StatePaths): boolean {
  return existsSync(kubeconfig)
}

/** Whether a cluster elsewhere ever answered: before that nothing can be on it. */
export function isReached({ folder }: StatePaths): boolean {
  return existsSync(join(folder, reached))
}

export function noteReached({ folder }: StatePaths, isSo: boolean): void {
  if (isSo) replaceFile(join(folder, reached), '')
  else rmSync(join(folder, reached), { force: true })
}

const reached = 'reached'

type Env = Readonly<Record<string, string | undefined>>

export function sitesHome(env: Env = process.env): string {
  return env['CLOUDMGR_HOME'] ?? join(homedir(), '.local', 'share', 'cloudmgr')
}

export function stateFolder(name: string, state: string | undefined, env: Env = process.env): string {
  return state === undefined ? join(sitesHome(env), name) : resolve(state)
}

/**
 * The site of a state folder, or `undefined` when there is none yet. Refuses what is not a site's folder, another
 * site's and another user's: writing there would spoil something.
 */
export function findSite(folder: string, name: string | undefined): Site | undefined {
  const paths = statePaths(folder)
  if (!existsSync(folder)) return undefined
  const stat = statSync(folder)
  if (!stat.isDirectory()) throw refuse(folder, 'it is not a folder')
  if (process.getuid !== undefined && stat.uid !== process.getuid()) {
    throw refuse(folder, `it belongs to user ${stat.uid}, you are user ${process.getuid()}`)
  }
  if (!existsSync(paths.site)) {
    if (readdirSync(folder).every((entry) => /^lock(\.|$)/.test(entry))) return undefined
    throw refuse(folder, 'it holds other things and no site.json; name an empty or a new folder')
  }
  const site = readSite(folder, paths.site)
  if (name !== undefined && site.name !== name) throw refuse(folder, `it is of site "${site.name}", not "${name}"`)
  return site
}

function readSite(folder: string, path: string): Site {
  const content = readJson(folder, path)
  const { version } = content
  if (typeof version === 'number' && version > formVersion) {
    const why = `a newer cloudmgr wrote it (form ${version}, this one reads ${formVersion}): use that version or a later one`
    throw refuse(folder, why)
  }
  const { data, error } = fileSchema.safeParse(content)
  if (data === undefined) throw refuse(folder, 'its site.json is not one that this version of cloudmgr wrote', error)
  const { cloudmgr: _kind, version: _version, ...site } = data
  return site
}

function readJson(folder: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return { ...(JSON.parse(readFileSync(path, 'utf8')) as object) }
  } catch (cause) {
    throw refuse(folder, 'its site.json is damaged: put it back from a copy of the folder', cause)
  }
}

function refuse(folder: string, why: string, cause?: unknown): AppError {
  return new AppError('conflict', 'state-folder', `${folder} can't be used as state folder: ${why}`, {
    cause,
    details: { field: 'state', value: folder },
  })
}

export function getSite(folder: string, name: string | undefined): Site {
  const site = findSite(folder, name)
  if (site !== undefined) return site
  const others = otherSites(folder)
  const there = others.length === 0 ? '' : `; here are ${others.map((one) => `--site ${one}`).join(', ')}`
  throw new AppError('not-found', 'no-site', `there is no site in ${folder}: ./cloudmgr up makes one${there}`)
}

/** Readable by its owner only: it holds keys, state and the kubeconfig. */
export function makeStateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
}

export function writeSite(folder: string, site: Site): void {
  makeStateFolder(folder)
  replaceFile(
    statePaths(folder).site,
    `${JSON.stringify({ cloudmgr: 'site', version: formVersion, ...site }, null, 2)}\n`,
  )
}

/** Names of the sites beside this folder, where it is one of the usual home. */
function otherSites(folder: string): string[] {
  const home = sitesHome()
  if (dirname(folder) !== home || !existsSync(home)) return []
  return readdirSync(home).filter((name) => existsSync(statePaths(join(home, name)).site))
}

/** Ports of the other sites below the usual home, running or not: theirs when they come back. */
export function portsOfOtherSites(home: string, folder: string): Set<number> {
  if (!existsSync(home)) return new Set()
  const folders = readdirSync(home).map((entry) => join(home, entry))
  return new Set(folders.filter((other) => other !== folder).flatMap(portsOf))
}

function portsOf(folder: string): number[] {
  try {
    return Object.values(findSite(folder, undefined)?.ports ?? {})
  } catch {
    // Not a site's folder or another version's: no ports of ours.
    return []
  }
}
