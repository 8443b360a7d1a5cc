import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../base/errors.ts'
import { type Check, hostChecks } from './checks.ts'
import { isFar, kindOf } from './cloud.ts'
import { type Layout, layoutOf } from './layout.ts'
import type { Operator } from './operator.ts'
import { checkFarDomain, checkListen } from './listen.ts'
import { choosePorts, type PortOptions, portInUse, withAsked } from './ports.ts'
import {
  checkDomain,
  checkPackageIndex,
  checkSiteName,
  defaultDomain,
  type PortName,
  type ProfileName,
  type SignUpRuntime,
  type Site,
  type SitePorts,
  type SiteTls,
} from './site.ts'
import { findSite, hadCluster, isMade, portsOfOtherSites, sitesHome, statePaths } from './state.ts'
import { cacheFolder } from '../tools/ensure.ts'

export interface SiteWishes {
  readonly name: string
  readonly profile?: ProfileName | 'file' | undefined
  readonly domain?: string | undefined
  /** An address of this machine, also of the loopback; `false`: the loopback alone; left out: as it is. */
  readonly listen?: string | false | undefined
  readonly ports: PortOptions
  /** Left out: as it is. */
  readonly signUp?: SignUpRuntime | 'closed' | undefined
  /** `false`: pip's own; left out: as it is. */
  readonly packageIndex?: string | false | undefined
  /** `none`: everything is plain; left out: as it is. */
  readonly tls?: SiteTls | 'none' | undefined
  /** Of a site file; left out: as it is. */
  readonly layout?: Layout | undefined
  /** Without root, machines and data services simulated; left out: as it is. */
  readonly simulated?: boolean | undefined
  /** The site file lies elsewhere now. */
  readonly moved?: boolean | undefined
}

/** Checks everything that can be checked before anything is changed, and answers with the site to bring up. */
export async function prepareSite(operator: Operator, folder: string, wishes: SiteWishes): Promise<Site> {
  const name = checkSiteName(wishes.name)
  const known = findSite(folder, name)
  const profile = wishes.profile ?? known?.profile ?? 'single-node'
  if (known !== undefined) {
    if (hadCluster(statePaths(folder))) refuseChanges(known, wishes)
    refuseOtherKind(known, wishes)
    refuseOtherFile(known, wishes)
    refuseOtherCloud(known, wishes)
    refuseResizing(known, wishes)
    refuseMovedStates(known, wishes, isMade(statePaths(folder)))
  }
  const facts = operator.facts(cacheFolder(), folder)
  const simulated = wishes.simulated ?? known?.simulated ?? false
  const far = isFar(wishes.layout === undefined ? (known ?? {}) : wishes)
  refuseFailed(checksFor(far, hostChecks(facts, { simulated })))
  const domain = checkDomain(wishes.domain ?? known?.domain ?? defaultDomain(name))
  const listen = listenOf(known?.listen, wishes, facts.addresses)
  checkFarDomain(domain, listen.listen, name)
  if (known === undefined) {
    const ports = far
      ? farPorts
      : choosePorts(wishes.ports, portsOfOtherSites(sitesHome(), folder), operator.findHolder)
    const kind = simulated ? { simulated } : {}
    const fresh = { name, profile, domain, ports, ...kind, ...listen, ...signUpOf(undefined, wishes) }
    return {
      ...fresh,
      ...packageIndexOf(undefined, wishes),
      ...certificateOf(undefined, wishes),
      ...layoutFrom(undefined, wishes),
    }
  }
  const running = far || (await operator.cloud(known, statePaths(folder)).answers())
  const ports = portsAgain(known, folder, wishes, operator)
  if (!running) refuseTakenPorts({ ...known, ports }, operator)
  const { signUp, packageIndex, listen: _before, tls, layout: _old, ...rest } = { ...known, ports }
  const kept = { ...rest, profile, domain, ...listen, ...signUpOf(signUp, wishes) }
  return {
    ...kept,
    ...packageIndexOf(packageIndex, wishes),
    ...certificateOf(tls, wishes),
    ...layoutFrom(known, wishes),
  }
}

/** Until there was a cluster nobody has its ports: one that was taken is chosen anew. */
function portsAgain({ ports }: Site, folder: string, wishes: SiteWishes, operator: Operator): SitePorts {
  const { base, ports: single = {} } = wishes.ports
  const isAsked = [base, ...Object.values(single)].some((port) => port !== undefined)
  if (!isAsked || hadCluster(statePaths(folder))) return ports
  const asked = base === undefined ? withAsked(ports, single) : single
  return choosePorts({ base, ports: asked }, portsOfOtherSites(sitesHome(), folder), operator.findHolder)
}

/** Of the site's own names: nothing of it listens on this machine. */
export const farPorts: SitePorts = { http: 80, https: 443, mongo: 27017, broker: 5671 }

/** Of a site elsewhere this machine only builds the images. */
function checksFor(far: boolean, checks: readonly Check[]): readonly Check[] {
  return far ? checks.filter(({ name }) => ['system', 'root', 'disk'].includes(name)) : checks
}

function listenOf(
  known: string | undefined,
  { listen = known ?? false }: SiteWishes,
  own: readonly string[],
): { listen?: string } {
  const address = listen === false ? undefined : checkListen(listen, own)
  return address === undefined ? {} : { listen: address }
}

function packageIndexOf(known: string | undefined, { packageIndex = known }: SiteWishes): { packageIndex?: string } {
  return packageIndex === undefined || packageIndex === false ? {} : { packageIndex: checkPackageIndex(packageIndex) }
}

function certificateOf(known: SiteTls | undefined, { tls = known }: SiteWishes): { tls?: SiteTls } {
  return tls === undefined || tls === 'none' ? {} : { tls }
}

function signUpOf(known: SignUpRuntime | undefined, { signUp = known }: SiteWishes): { signUp?: SignUpRuntime } {
  return signUp === undefined || signUp === 'closed' ? {} : { signUp }
}

/** Volumes that the file no longer names are kept with their data. */
function layoutFrom(known: Site | undefined, { layout }: SiteWishes): { layout?: Layout } {
  if (layout === undefined) return known?.layout === undefined ? {} : { layout: known.layout }
  const kept = known === undefined ? {} : layoutOf(known).volumes
  return { layout: { ...layout, volumes: { ...kept, ...layout.volumes } } }
}

/** The first thing that is missing, all of them in the text. */
export function refuseFailed(checks: readonly Check[]): void {
  const failed = checks.filter((check) => check.needed && !check.ok)
  const [first] = failed
  if (first === undefined) return
  const text = failed
    .map((check) => `${check.name}: ${check.detail}${check.mend === undefined ? '' : ` (${check.mend})`}`)
    .join('; ')
  throw new AppError(
    first.name === 'root' ? 'forbidden' : 'unavailable',
    `host-${first.name}`,
    `this host is not ready: ${text}`,
    {
      details: { checks: failed.map((check) => check.name) },
    },
  )
}

/** Ports stay as they were when the site was made: users' files have them. */
function refuseChanges(known: Site, wishes: SiteWishes): void {
  const asked: [string, string | number | undefined, string | number][] = [
    ['port-base', wishes.ports.base, known.ports.http],
    ...(Object.keys(known.ports) as PortName[]).map((name): [string, number | undefined, number] => [
      `${name}-port`,
      wishes.ports.ports?.[name],
      known.ports[name],
    ]),
  ]
  const changed = asked.find(([, wanted, present]) => wanted !== undefined && wanted !== present)
  if (changed === undefined) return
  const [field, wanted, present] = changed
  throw new AppError(
    'conflict',
    'site-differs',
    `site ${known.name} has ${field} ${present}, not ${wanted}: it can't be changed later`,
    {
      details: { field, value: wanted },
    },
  )
}

/** Neither becomes the other: what accounts have lies in servers that are there, or are not. */
function refuseOtherKind({ name, simulated = false }: Site, wishes: SiteWishes): void {
  if (wishes.simulated === undefined || wishes.simulated === simulated) return
  const [is, asked] = simulated ? ['simulated', 'real'] : ['real', 'simulated']
  const text = `site ${name} is ${is} and stays so: make a ${asked} one under another name with --site`
  throw new AppError('conflict', 'site-differs', text, { details: { field: 'simulated', value: wishes.simulated } })
}

/** Two files of one name would take turns on one site. */
function refuseOtherFile({ name, layout: before }: Site, wishes: SiteWishes): void {
  const { layout, moved } = wishes
  if (before === undefined) return
  if (layout === undefined) {
    const said = { profile: wishes.profile, domain: wishes.domain, listen: wishes.listen, 'open-signup': wishes.signUp }
    const given = Object.entries(said).find(([, value]) => value !== undefined)?.[0]
    if (given === undefined) return
    throw new AppError(
      'conflict',
      'site-differs',
      `site ${name} is described by ${before.file}: change it there and give --file, instead of --${given}`,
      { details: { field: given } },
    )
  }
  if (layout.file === before.file || moved === true) return
  throw new AppError(
    'conflict',
    'site-name-taken',
    `site ${name} was made from ${before.file}, not from ${layout.file}: give one of them another name, or --moved if it is the same site`,
    { details: { field: 'name', value: name } },
  )
}

/** The machines of one cloud can't become those of another, nor its volumes. */
function refuseOtherCloud(known: Site, { layout }: SiteWishes): void {
  if (layout === undefined) return
  const [before, wanted] = [kindOf(known), kindOf({ layout })]
  if (before === wanted) return
  throw new AppError(
    'conflict',
    'site-differs',
    `site ${known.name} is made with provider ${before}, not ${wanted}: a site stays where it is; make another with another name`,
    { details: { field: 'provider.kind', value: wanted } },
  )
}

/** Claims on folders can't be resized, nor do the folders hold to it; those of a cloud can only grow. */
function refuseResizing(known: Site, { layout }: SiteWishes): void {
  if (layout === undefined) return
  const before = layoutOf(known).volumes
  const far = isFar(known)
  const changed = Object.entries(layout.volumes).find(([volume, sizeGb]) => {
    const was = before[volume]
    return was !== undefined && (far ? sizeGb < was : sizeGb !== was)
  })
  if (changed === undefined) return
  const [volume, sizeGb] = changed
  const why = far ? 'a volume can only grow' : "with provider local it can't be changed later"
  throw new AppError(
    'conflict',
    'site-differs',
    `volume ${volume} of site ${known.name} has ${before[volume]} GB, not ${sizeGb}: ${why}`,
    { details: { field: `storage.${volume}`, value: sizeGb } },
  )
}

/** What Terraform made would be forgotten, and made a second time. */
function refuseMovedStates({ name, layout: before }: Site, { layout }: SiteWishes, made: boolean): void {
  if (!made || layout === undefined || isDeepStrictEqual(before?.state, layout.state)) return
  const place = before?.state === undefined ? 'with the site' : `in backend ${before.state.backend}`
  throw new AppError(
    'conflict',
    'site-differs',
    `the Terraform states of site ${name} lie ${place} as its file had it first: state can't be changed later, only with a site made anew (./cloudmgr down --purge)`,
    { details: { field: 'state', value: layout.state?.backend } },
  )
}

function refuseTakenPorts(site: Site, operator: Operator): void {
  for (const name of Object.keys(site.ports) as PortName[]) {
    const holder = operator.findHolder(site.ports[name])
    if (holder !== undefined && !holder.ours) throw portInUse(name, site.ports[name], holder)
  }
}
