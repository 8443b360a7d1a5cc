import type { Provider } from '../../clusters/provider.ts'
import type { MachineSettingsByCloud } from '../../clusters/machine-settings.ts'
import { mismatches, type RancherMatrix } from '../../clusters/rancher-versions.ts'
import { AppError } from '../../base/errors.ts'
import { didYouMean, nearest } from '../../base/nearest.ts'
import { checkFarDomain, isLoopback } from '../listen.ts'
import { checkDomain, checkSiteName } from '../site.ts'
import type { ValueCheck } from './chart-schemas.ts'
import type { ChartValues } from './chart-values.ts'
import { domainOf } from './domain.ts'
import { ownNeeds, type Size, smallestMachine, smallestType, withoutRoom } from './fit.ts'
import { type Part, partsOf } from './parts.ts'
import { componentRoles, type Pool } from './pools.ts'
import { gpuMistakes } from './gpu.ts'
import { monitoringMistakes } from './monitoring.ts'
import type { Problem } from './problems.ts'
import type { SiteFile } from './schema.ts'
import { carriesParts, sizeOf, usesRoles } from './site-pools.ts'
import { isHetznerByRancher, machineMistakes, rke2ControlGb } from './rancher-machine.ts'
import { otherSettings, stateMistakes } from './state.ts'
import { effectiveValues } from './wanted-values.ts'

/** What the rules know beside the file. */
export interface RuleFacts {
  /** `catalog/providers/<kind>.yml`; `undefined` where there is none. */
  readonly provider: Provider | undefined
  readonly chartDefaults: ChartValues
  readonly checkValues: ValueCheck
  /** Where a Rancher is named: settings of machines, and which versions go together. */
  readonly rancher?: RancherFacts | undefined
  /** Names of the plans that accounts can order. */
  readonly plans: readonly string[]
}

export interface RancherFacts {
  readonly machines: MachineSettingsByCloud
  readonly versions: RancherMatrix
}

/** What the schema can't see: mistakes that would end badly later. */
export function mistakes(file: SiteFile, facts: RuleFacts): Problem[] {
  return [
    ...names(file),
    ...poolsAlone(file, facts),
    ...gpuMistakes(file),
    ...roles(file),
    ...(file.pools.length === 0 ? [] : sizes(file, facts)),
    ...storage(file),
    ...tls(file, facts),
    ...registry(file),
    ...rancher(file, facts),
    ...stateMistakes(file),
    ...monitoringMistakes(file),
    ...services(file, facts),
    ...facts.checkValues(file),
    ...plainSecrets(file.components, ['components']),
    ...plainSecrets(file.defaults ?? {}, ['defaults']),
    ...(file.provider.kind === 'rancher' ? plainSecrets(file.provider.machine, ['provider', 'machine']) : []),
    ...plainSecrets(otherSettings(file), ['state', 'settings']),
  ]
}

/** What works, and will disappoint. */
export function warnings(file: SiteFile, facts: RuleFacts): Problem[] {
  return file.pools.flatMap((pool, index) => {
    const size = sizeOf(pool, facts.provider)
    if (size !== undefined && pool.role === 'control' && file.provider.kind === 'rancher') {
      if (size.memoryGb >= rke2ControlGb) return []
      const problem = `machines of ${sizeText(size)} are too small for Rancher's control plane: take ${rke2ControlGb} GB at least`
      return [{ path: ['pools', index], problem }]
    }
    if (size === undefined || pool.role !== 'worker' || pool.simulated === true) return []
    if (size.cores >= 4 && size.memoryGb >= 8) return []
    const problem = `machines of ${sizeText(size)} are too small for real data science: take 4 cores and 8 GB at least`
    return [{ path: ['pools', index], problem }]
  })
}

function names({ name, domain, provider }: SiteFile): Problem[] {
  const listen = provider.kind === 'local' ? provider.listen : undefined
  const far = listen === undefined || isLoopback(listen) ? undefined : listen
  return [
    ...refused(['name'], name, () => checkSiteName(name)),
    ...(domain === undefined ? [] : refused(['domain'], domain, () => checkDomain(domain))),
    ...refused(['domain'], domain, () => checkFarDomain(domainOf({ name, domain }), far, name)),
  ]
}

function refused(path: readonly PropertyKey[], value: unknown, check: () => unknown): Problem[] {
  try {
    check()
    return []
  } catch (error) {
    if (error instanceof AppError) return [{ path, value, problem: error.message.replace(/^.*?is not usable: /, '') }]
    throw error
  }
}

function poolsAlone({ pools, provider: cloud }: SiteFile, { provider }: RuleFacts): Problem[] {
  const { kind } = cloud
  const isSized = kind === 'local' || (kind === 'rancher' && cloud.cloud === 'vsphere')
  return pools.flatMap((pool, index) => {
    const at = (field: keyof Pool) => ['pools', index, field]
    const found: Problem[] = []
    const first = pools.findIndex(({ name }) => name === pool.name)
    if (first < index) found.push({ path: at('name'), value: pool.name, problem: `pools[${first}] has this name` })
    found.push(...machineOf(pool, index, isSized, provider))
    if (pool.labels?.['omegaml.io/role'] !== undefined)
      found.push({ path: at('labels'), problem: 'omegaml.io/role is set by `role`: leave it out' })
    found.push(...scaling(pool, index, cloud))
    if (isHetznerByRancher(cloud) && pool.diskGb !== undefined)
      found.push({
        path: at('diskGb'),
        value: pool.diskGb,
        problem: "a machine's disk comes with its type at Hetzner: leave it out",
      })
    if (kind === 'local' && pool.diskGb !== undefined)
      found.push({
        path: at('diskGb'),
        value: pool.diskGb,
        problem: "machines of provider local are on this computer's disk: leave it out",
      })
    if (pool.simulated === true && kind !== 'local')
      found.push({ path: at('simulated'), problem: `only with provider local, not ${kind}` })
    if (pool.simulated === true && pool.role !== 'worker' && componentRoles.includes(pool.role as never))
      found.push({
        path: at('simulated'),
        problem: `components of role ${pool.role} must really run: leave it out, or take role worker`,
      })
    return found
  })
}

/** `isSized`: machines are ordered by cores and memory, there or as well. */
function machineOf(pool: Pool, index: number, isSized: boolean, provider: Provider | undefined): Problem[] {
  const { type, cores, memoryGb } = pool
  const at = (field: keyof Pool) => ['pools', index, field]
  const types = Object.keys(provider?.nodeTypes ?? {})
  const right = types.length === 0 ? 'a machine type of the provider' : types.join(', ')
  if (type !== undefined && (cores !== undefined || memoryGb !== undefined) && isSized)
    return [{ path: at('type'), value: type, problem: 'give either type, or cores and memoryGb' }]
  if (type !== undefined) {
    if (types.length === 0 || types.includes(type)) return []
    const near = nearest(type, types)
    return [{ path: at('type'), value: type, problem: `right is ${right}${didYouMean(near)}` }]
  }
  if (!isSized) return [{ path: at('type'), problem: `is missing; right is ${right}` }]
  if (cores === undefined && memoryGb === undefined)
    return [{ path: at('type'), problem: `is missing; right is ${right}, or cores and memoryGb` }]
  if (cores === undefined) return [{ path: at('cores'), problem: 'is missing beside memoryGb' }]
  return memoryGb === undefined ? [{ path: at('memoryGb'), problem: 'is missing beside cores' }] : []
}

function scaling(pool: Pool, index: number, cloud: SiteFile['provider']): Problem[] {
  const { kind } = cloud
  const isScaled = kind === 'rancher' && !isHetznerByRancher(cloud)
  const { size, min = size, max = size } = pool
  const at = (field: keyof Pool) => ['pools', index, field]
  if (min > max) return [{ path: at('min'), value: min, problem: `is more than max, ${max}` }]
  if (size < min || size > max)
    return [{ path: at('size'), value: size, problem: `right is ${min} to ${max}, as min and max say` }]
  // Rancher has an autoscaler that reads them; elsewhere a range would only look like one.
  const whose = kind === 'rancher' ? 'Hetzner' : `provider ${kind}`
  if (min !== max && !isScaled)
    return [{ path: at('max'), value: max, problem: `nothing scales machines of ${whose}: give size alone` }]
  return isScaled ? rancherScaling(pool, at) : []
}

/** As module rancher-cluster has it: the autoscaler reads both numbers, and what a machine has where there is none. */
function rancherScaling(pool: Pool, at: (field: keyof Pool) => PropertyKey[]): Problem[] {
  const { role, min, max, cores, memoryGb } = pool
  if ((min === undefined) !== (max === undefined))
    return [{ path: at(min === undefined ? 'min' : 'max'), problem: 'is missing: give min and max, or size alone' }]
  if (min === undefined) return []
  if (role === 'control')
    return [{ path: at('min'), value: min, problem: 'machines of role control are not scaled: give size alone' }]
  if (min > 0 || (cores !== undefined && memoryGb !== undefined)) return []
  const problem = 'with none at times, cores and memoryGb must say what a machine has: give them beside type'
  return [{ path: at('min'), value: min, problem }]
}

function roles({ pools, provider: { kind } }: SiteFile): Problem[] {
  const path = ['pools']
  const wantsControl = kind === 'hcloud' || kind === 'rancher'
  const control = pools.flatMap((pool, index) => (pool.role === 'control' ? [{ pool, index }] : []))
  const machines = control.reduce((sum, { pool }) => sum + pool.size, 0)
  const found: Problem[] = []
  if (wantsControl && machines !== 1 && machines !== 3)
    found.push({ path, problem: `role control has ${machines} machines; with provider ${kind} right is one or three` })
  if (!wantsControl) {
    const problem = `provider ${kind} has a control plane of its own: leave the pool out`
    found.push(...control.map(({ index }) => ({ path: ['pools', index, 'role'], value: 'control', problem })))
  }
  if (kind === 'existing' && pools.length === 0) return found
  const real = pools.filter((pool) => pool.size > 0 && carriesParts(pool))
  const needed = usesRoles(pools) ? componentRoles : (['worker'] as const)
  const missing = needed.filter((role) => !real.some((pool) => pool.role === role))
  if (missing.length === 0) return found
  const what =
    missing.length === 1 ? `role ${missing[0]} has no machine` : `roles ${missing.join(', ')} have no machine`
  const help = usesRoles(pools)
    ? 'give each a pool, or one pool of role worker for everything'
    : 'right is one pool of role worker for everything, or pools of the roles dbmaster, ingress, system and worker'
  return [...found, { path, problem: `${what}; ${help}${meantRoles(pools, missing)}` }]
}

/** Why a role is missing although the file seems to have it. */
function meantRoles(pools: readonly Pool[], missing: readonly string[]): string {
  const other = pools.findIndex((pool) => missing.includes(pool.role) && !carriesParts(pool))
  if (other >= 0) {
    const what =
      pools[other]?.simulated === true
        ? 'simulated machines run nothing'
        : 'machines with GPUs are kept for what asks for them'
    return `; pools[${other}] does not count: ${what}`
  }
  const near = pools.flatMap(({ role }, index) =>
    nearest(role, missing).map((name) => `; pools[${index}] has role ${role}: did you mean ${name}?`),
  )
  return near[0] ?? ''
}

/** Whether the components find room, by role; one pool carries them all where there are no other roles. */
function sizes(file: SiteFile, facts: RuleFacts): Problem[] {
  const parts = partsOf(effectiveValues(facts.chartDefaults, file))
  const groups = usesRoles(file.pools)
    ? componentRoles.map((role) => ({ role, parts: parts.filter((part) => part.role === role) }))
    : [{ role: 'worker' as const, parts }]
  return groups.flatMap(({ role, parts: wanted }) => roomFor(file, role, wanted, facts))
}

function roomFor(file: SiteFile, role: string, parts: readonly Part[], { provider }: RuleFacts): Problem[] {
  const pools = file.pools.flatMap((pool, index) =>
    pool.role === role && carriesParts(pool) && pool.size > 0 ? [{ pool, index }] : [],
  )
  const [first] = pools
  const known = pools.map(({ pool }) => ({ pool, size: sizeOf(pool, provider) }))
  // A missing role and an unknown type are told elsewhere.
  if (first === undefined || known.some(({ size }) => size === undefined)) return []
  const machines = known.flatMap(({ pool, size }) => Array.from({ length: pool.size }, () => size as Size))
  const left = withoutRoom(parts, machines)
  if (left.length === 0) return []
  const names = [...new Set(left.map(({ name }) => name))]
  const isMemory =
    withoutRoom(
      parts,
      machines.map(({ memoryGb }) => ({ cores: plenty, memoryGb })),
    ).length > 0
  const field = first.pool.type !== undefined ? 'type' : isMemory ? 'memoryGb' : 'cores'
  const needs = `${round(sum(parts, 'cores'))} cores and ${round(sum(parts, 'memoryGb'))} GB are asked for by ${[...new Set(parts.map(({ name }) => name))].join(', ')}, and ${ownNeeds.cores} cores and ${ownNeeds.memoryGb} GB by each machine for itself`
  const problem = `no room for ${names.join(', ')} on ${machines.length} × ${sizeText(machines[0] as Size)}: ${needs}; the smallest that would do: ${smallest(parts, machines.length, first.pool, provider)}`
  return [{ path: ['pools', first.index, field], value: first.pool[field], problem }]
}

/** More than anybody has. */
const plenty = 4096

function smallest(parts: readonly Part[], count: number, pool: Pool, provider: Provider | undefined): string {
  const each = count > 1 ? ' each' : ''
  if (pool.type === undefined) return `${sizeText(smallestMachine(parts, count))}${each}`
  const type = smallestType(parts, count, provider?.nodeTypes ?? {})
  return type === undefined
    ? `more machines, each of ${sizeText(smallestMachine(parts, count))}`
    : `type ${type}${each}`
}

function storage({ storage: { class: name, volumes }, provider: { kind } }: SiteFile): Problem[] {
  const own = ['mongodb', 'mysql', 'rabbitmq'].filter((one) => Object.hasOwn(volumes, one))
  const found: Problem[] = own.map((one) => ({
    path: ['storage', 'volumes', one],
    problem: `is a volume of the site itself: its size is storage.${one}Gb`,
  }))
  if (kind === 'local' && name !== undefined)
    found.push({
      path: ['storage', 'class'],
      value: name,
      problem: 'volumes of provider local are folders: leave it out',
    })
  return found
}

function rancher({ provider, rancher: wanted }: SiteFile, { rancher: known }: RuleFacts): Problem[] {
  const found: Problem[] = []
  if (provider.kind === 'rancher' && wanted.kind === 'none')
    found.push({ path: ['rancher'], problem: 'is missing: provider rancher needs to know which Rancher' })
  if (wanted.kind === 'create') found.push(...rancherPlace(wanted))
  if (
    wanted.kind === 'create' &&
    wanted.cluster === undefined &&
    wanted.hcloudToken === undefined &&
    provider.kind !== 'hcloud' &&
    !isHetznerByRancher(provider)
  )
    found.push({
      path: ['rancher', 'hcloudToken'],
      problem: `is missing: with provider ${provider.kind} the machine of a new Rancher needs a token of Hetzner`,
    })
  if (known === undefined) return found
  if (provider.kind === 'rancher') found.push(...machineMistakes(provider, known.machines))
  const version = wanted.kind === 'none' ? undefined : wanted.version
  const lines = known.versions.lines.map((line) => line.rancher)
  if (version !== undefined && !lines.includes(version)) {
    found.push({ path: ['rancher', 'version'], value: version, problem: `right is ${lines.join(', ')}` })
    return found
  }
  const kubernetes = 'kubernetesVersion' in provider ? provider.kubernetesVersion : undefined
  const versions = { rancher: version ?? known.versions.default, ...(kubernetes === undefined ? {} : { kubernetes }) }
  for (const { value, right } of mismatches(known.versions, versions))
    found.push({ path: ['provider', 'kubernetesVersion'], value, problem: `right is ${right}` })
  return found
}

function rancherPlace({ type, cluster, hcloudToken }: SiteFile['rancher'] & { kind: 'create' }): Problem[] {
  if (type === undefined && cluster === undefined) {
    const problem = 'is missing: right is the type of its machine at Hetzner, or cluster for one that is there'
    return [{ path: ['rancher', 'type'], problem }]
  }
  if (cluster === undefined) return []
  const others = Object.entries({ type, hcloudToken }).filter(([, value]) => value !== undefined)
  return others.map(([field]) => ({
    path: ['rancher', field],
    problem: 'is of a machine at Hetzner: leave it out with rancher.cluster',
  }))
}

function registry({ images, provider: { kind } }: SiteFile): Problem[] {
  if (images === undefined) return []
  const found: Problem[] = []
  if ((images.username === undefined) !== (images.password === undefined)) {
    const [lacking, given] = images.username === undefined ? ['username', 'password'] : ['password', 'username']
    const problem = `is missing: images.${given} is there, and one is of no use alone`
    found.push({ path: ['images', lacking], problem })
  }
  if (images.ca !== undefined && (kind === 'hcloud' || kind === 'rancher')) {
    const problem = `machines that are ordered with provider ${kind} would not know it: right is a registry whose certificate the world knows`
    found.push({ path: ['images', 'ca'], problem })
  }
  return found
}

function tls({ tls: { kind }, provider: { kind: cloud } }: SiteFile, { provider }: RuleFacts): Problem[] {
  // A cluster that exists may have brought its own.
  if (kind !== 'issuer' || provider === undefined || cloud === 'existing') return []
  if (provider.charts?.some(({ chart }) => chart === 'cert-manager') === true) return []
  const problem = `provider ${cloud} has no cert-manager: right is none, local-ca or given`
  return [{ path: ['tls', 'kind'], value: kind, problem }]
}

function services({ services: wanted = [] }: SiteFile, { plans }: RuleFacts): Problem[] {
  return wanted.flatMap((name, index) => {
    if (plans.includes(name)) return []
    const near = nearest(name, plans)
    const help = near.length > 0 ? didYouMean(near) : `; there are ${plans.join(', ')}`
    return [{ path: ['services', index], value: name, problem: `there is no plan of this name${help}` }]
  })
}

const secretKey = /(^|[^a-z])(password|passwd|passphrase|token|api-?_?key|secret-?_?key|client-?_?secret)$/i
const urlWithPassword = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i

/** Values that are given as they are must hold no secret: they end up in Helm's releases and in repositories. */
function plainSecrets(value: unknown, path: readonly PropertyKey[]): Problem[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => plainSecrets(item, [...path, index]))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, item]) => plainSecrets(item, [...path, key]))
  if (typeof value !== 'string' || value === '') return []
  if (urlWithPassword.test(value)) return [{ path, problem: 'an address with a password in it does not belong here' }]
  if (!secretKey.test(String(path.at(-1)).replace(/([a-z])([A-Z])/g, '$1-$2'))) return []
  return [
    { path, problem: 'looks like a secret, which never stands in the file: name a Secret of the cluster instead' },
  ]
}

function sum(parts: readonly Part[], what: 'cores' | 'memoryGb'): number {
  return parts.reduce((total, part) => total + part[what], 0)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function sizeText({ cores, memoryGb }: Size): string {
  return `${cores} ${cores === 1 ? 'core' : 'cores'} and ${memoryGb} GB`
}
