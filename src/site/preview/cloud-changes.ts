import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Preview, Terraform } from '../../adapters/terraform/port.ts'
import type { TerraformRoot } from '../../clusters/root.ts'
import { orderedIn, type OrderedPools } from '../../clusters/ordered-pools.ts'
import { withOutsideBackend } from '../../clusters/outside-backend.ts'
import { modulesFor, writeRoot } from '../../clusters/write-root.ts'
import { localRoot } from '../actions/terraform-roots.ts'
import { AppError } from '../../base/errors.ts'
import { plain } from '../../base/kubernetes-version.ts'
import {
  type Cloud,
  cloudOf,
  hasOwnRancher,
  isImported,
  kindOf,
  kubernetesOf,
  type OrderedPool,
  rancherOf,
} from '../cloud.ts'
import { asksRancher, cloudRoot, type CloudStage, isShared, providersFolder, stagesOf } from '../cloud-roots.ts'
import { ownState, withOwnState } from '../own-state.ts'
import type { KeptRoots } from '../kept-roots.ts'
import { type Layout, layoutOf } from '../layout.ts'
import type { Site } from '../site.ts'
import { type PlanSources, rootsInput } from './plan-steps.ts'
import type { Change, ChangeKind } from './site-preview.ts'

export interface CloudChanges {
  readonly changes: readonly Change[]
  /** Addresses that would go. */
  readonly deletes: readonly string[]
  /** What could not be looked at, and why. */
  readonly notes?: readonly string[]
}

export interface CloudSources extends PlanSources {
  readonly signal: AbortSignal
  readonly roots: KeptRoots
  /** The site as the last `up` was asked for. */
  readonly before?: Site | undefined
  /** There is no token of the site's own Rancher yet: nobody can ask it. */
  readonly noRancher?: boolean | undefined
  /** Machines of Rancher's autoscaled pools. */
  readonly observed?: Readonly<Record<string, number>> | undefined
  /** Variables of a backend outside, where the site's states lie there. */
  readonly stateEnv?: Readonly<Record<string, string>> | undefined
}

/**
 * What Terraform says of both roots. It looks at copies of them and of their states: nothing of the site is written.
 */
export async function previewCloud(terraform: Terraform, sources: CloudSources): Promise<CloudChanges> {
  const folder = await mkdtemp(join(tmpdir(), 'cloudmgr-preview-'))
  try {
    const found: CloudChanges[] = []
    for (const stage of stages(sources)) found.push(await changesOf(stage, join(folder, stage), terraform, sources))
    return together(found)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function changesOf(
  stage: CloudStage,
  folder: string,
  terraform: Terraform,
  sources: CloudSources,
): Promise<CloudChanges> {
  const cloud = cloudOf(sources.site)
  const isAsked = cloud !== undefined && hasOwnRancher(cloud) && asksRancher(stage, cloud)
  if (isAsked && sources.noRancher === true) return await expectedStage(stage, cloud, sources)
  try {
    return cloudChanges(await previewStage(stage, folder, terraform, sources), sources)
  } catch (error) {
    // `up` makes another token before it comes to this.
    if (!isAsked || !(error instanceof AppError) || error.code !== 'rancher-token') throw error
    return await expectedStage(stage, cloud, sources)
  }
}

/** Of a root that asks a Rancher which can't be asked: all of it where nothing was made yet, else nothing is known. */
async function expectedStage(stage: CloudStage, cloud: Cloud, { site, roots }: CloudSources): Promise<CloudChanges> {
  const { url = '' } = rancherOf(cloud) ?? {}
  if ((await roots.addresses(stage)).length > 0)
    return { changes: [], deletes: [], notes: [`${stage} was not compared: Rancher ${url} does not take our token`] }
  const signIn: Change = { level: 'cloud', kind: 'create', what: `sign-in at Rancher ${url}`, details: [] }
  if (stage === 'rancher-admin') return { changes: [signIn], deletes: [] }
  const notes = [
    `what ${stage} is made of in detail shows only when Rancher ${url} is there; up makes nothing else go for it`,
  ]
  const ordered =
    stage === 'import' || cloud.kind === 'existing' ? importChanges(site, cloud) : orderedChanges(site, cloud.pools)
  return { changes: ordered, deletes: [], notes }
}

function together(found: readonly CloudChanges[]): CloudChanges {
  return {
    changes: found.flatMap(({ changes }) => changes),
    deletes: found.flatMap(({ deletes }) => deletes),
    notes: found.flatMap(({ notes = [] }) => notes),
  }
}

async function previewStage(
  stage: CloudStage,
  folder: string,
  terraform: Terraform,
  sources: CloudSources,
): Promise<Preview> {
  const { roots, signal, stateEnv: env } = sources
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const root = await rootOf(stage, folder, sources, await orderedPools(stage, folder, terraform, sources))
  // There a preview takes the lock like everybody, and writes nothing.
  const isOutside = root.backend !== undefined
  const state = isOutside ? undefined : await roots.state(stage)
  if (state !== undefined) await writeFile(join(folder, ownState), state, { mode: 0o600 })
  await writeRoot(folder, isOutside ? root : withOwnState(root))
  return await terraform.preview(folder, { signal, env: isOutside ? env : undefined })
}

function stages({ site }: CloudSources): readonly CloudStage[] {
  const cloud = cloudOf(site)
  return cloud === undefined ? ['volumes', 'cluster'] : stagesOf(cloud)
}

/** Those that accounts ordered, as the state has them that the service changes, too. */
async function orderedPools(
  stage: CloudStage,
  folder: string,
  terraform: Terraform,
  sources: CloudSources,
): Promise<OrderedPools | undefined> {
  const { site, signal, stateEnv: env } = sources
  if (stage !== 'cluster' || !isShared(cloudOf(site), site.layout?.state)) return undefined
  await writeRoot(folder, await rootOf(stage, folder, sources, {}))
  return orderedIn(await terraform.outputs(folder, { signal, env })) ?? {}
}

async function rootOf(
  stage: CloudStage,
  folder: string,
  sources: CloudSources,
  ordered?: OrderedPools,
): Promise<TerraformRoot> {
  const { site, project } = sources
  const cloud = cloudOf(site)
  if (cloud === undefined) return await localRoot(stage === 'volumes' ? stage : 'cluster', rootsInput(sources), folder)
  const modules = await modulesFor(folder, join(project, 'terraform'))
  const { name, domain } = site
  const root = cloudRoot(stage, {
    name,
    domain,
    cloud,
    volumes: layoutOf(site).volumes,
    modules,
    providers: providersFolder(project),
    ...(sources.observed === undefined ? {} : { observed: sources.observed }),
    ...(ordered === undefined ? {} : { ordered }),
  })
  return withOutsideBackend(root, stage, site.layout?.state)
}

/** What the site wants, where Terraform can't be asked: everything that its state does not hold yet. */
export async function expectedCloud(made: boolean, sources: CloudSources): Promise<CloudChanges> {
  const { site, roots } = sources
  const cloud = cloudOf(site)
  if (cloud !== undefined) {
    const ordered = cloud.kind === 'existing' ? [] : orderedChanges(site, cloud.pools)
    return { changes: made ? [] : [...serverChanges(cloud), ...ordered, ...importChanges(site, cloud)], deletes: [] }
  }
  const found: CloudChanges[] = []
  for (const stage of ['volumes', 'cluster'] as const) {
    const present = made ? await roots.addresses(stage) : []
    const wanted = addresses(stage, site)
    const preview: Preview = {
      creates: wanted.filter((one) => !present.includes(one)),
      deletes: present.filter((one) => !wanted.includes(one)),
      changes: [],
      replaces: [],
      outputs: [],
      drifted: [],
      held: present,
    }
    found.push(cloudChanges(preview, sources))
  }
  return together(found)
}

function importChanges({ name }: Site, cloud: Cloud): Change[] {
  const { url = '' } = rancherOf(cloud) ?? {}
  if (!isImported(cloud)) return []
  return [{ level: 'cluster', kind: 'create', what: `cluster ${name} in Rancher ${url}`, details: [] }]
}

function serverChanges(cloud: Cloud): Change[] {
  const { server, url } = rancherOf(cloud) ?? {}
  if (server === undefined) return []
  return [{ level: 'cloud', kind: 'create', what: `Rancher ${url}`, details: [`1 × ${server.machineType} at Hetzner`] }]
}

/** By pools: how a cloud's modules call their machines is theirs. */
function orderedChanges(site: Site, pools: readonly OrderedPool[]): Change[] {
  const volumes = kindOf(site) === 'hcloud' ? Object.entries(layoutOf(site).volumes) : []
  return [
    ...volumes.map(
      ([name, size]): Change => ({
        level: 'cloud',
        kind: 'create',
        what: `volume ${name}`,
        details: [`${size} GB, new and empty`],
      }),
    ),
    { level: 'cloud', kind: 'create', what: `cluster ${site.name}`, details: [] },
    ...pools.map(
      ({ name, size, machineType, role }): Change => ({
        level: 'cloud',
        kind: 'create',
        what: `machines ${name}`,
        details: [`${size} × ${machineType}, role ${role}`],
      }),
    ),
  ]
}

function addresses(stage: 'volumes' | 'cluster', site: Site): string[] {
  const { machines, volumes } = layoutOf(site)
  if (stage === 'volumes')
    return Object.keys(volumes).map((name) => `module.volumes.localcloud_volume.this[${JSON.stringify(name)}]`)
  return [
    'module.cluster.localcloud_cluster.this',
    ...Object.keys(machines).map((name) => `module.cluster.localcloud_machine.this[${JSON.stringify(name)}]`),
  ]
}

function cloudChanges(preview: Preview, sources: Pick<CloudSources, 'site' | 'before'>): CloudChanges {
  const of = (kind: ChangeKind, list: readonly string[]) => list.map((address) => change(kind, address, sources))
  return {
    changes: [
      ...of('create', preview.creates),
      ...of('change', preview.changes),
      ...of('replace', preview.replaces),
      ...of('remove', preview.deletes),
    ],
    deletes: [...preview.replaces, ...preview.deletes],
    notes: (preview.moved ?? []).map(({ from, to }) => movedText(from, to, preview)),
  }
}

function movedText(from: string, to: string, { replaces }: Preview): string {
  const is = replaces.includes(to) ? 'is called' : 'stays, and is called'
  return `${from} ${is} ${to} from now on: a moved block of its module says so`
}

function change(kind: ChangeKind, address: string, { site, before }: Pick<CloudSources, 'site' | 'before'>): Change {
  const [, type = '', name = ''] = /localcloud_(\w+)\.this(?:\["(.*)"\])?$/.exec(address) ?? []
  const what = type === '' ? address : `${type} ${name === '' ? site.name : name}`
  const { machines, volumes } = layoutOf(site)
  if (type === 'volume') {
    const size = volumes[name] === undefined ? [] : [`${volumes[name]} GB`]
    if (kind === 'create') return { level: 'cloud', kind, what, details: size.map((text) => `${text}, new and empty`) }
    return { level: 'cloud', kind, what, details: size, data: volumeData[kind] }
  }
  if (type === 'cluster' && kind === 'create') {
    const version = kubernetesOf(site)
    return { level: 'cloud', kind, what, details: version === undefined ? [] : [`Kubernetes ${plain(version)}`] }
  }
  const was = before === undefined || kind === 'create' ? [] : machineText(layoutOf(before).machines[name])
  const is = machineText(machines[name])
  const details = was.length === 0 || was[0] === is[0] ? is : [[...was, ...is].join(' → ')]
  const data = kind === 'create' || type !== 'machine' ? undefined : machineData[kind]
  return { level: 'cloud', kind, what, details, ...(data === undefined ? {} : { data }) }
}

function machineText(machine: Layout['machines'][string] | undefined): string[] {
  if (machine === undefined) return []
  const { cores, memoryGb, role, simulated, labels = {}, taints = [] } = machine
  const carried = [...Object.entries(labels), ...taints.map(({ key, effect }) => [key, effect] as const)]
  const extra = [...(simulated === true ? ['simulated'] : []), ...carried.map((pair) => pair.join('='))]
  return [[`${cores} cores`, `${memoryGb} GB`, `role ${role}`, ...extra].join(', ')]
}

const volumeData: Readonly<Record<Exclude<ChangeKind, 'create'>, string>> = {
  change: 'its data stays',
  replace: 'its data would be lost: up refuses',
  remove: 'its data would be lost: up refuses',
}

const machineData: Readonly<Record<Exclude<ChangeKind, 'create'>, string | undefined>> = {
  change: undefined,
  replace: 'what runs there starts anew elsewhere or later; volumes stay',
  remove: 'what runs there moves to other machines of its role; volumes stay',
}
