import { join } from 'node:path'
import { z } from 'zod'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import {
  beginCluster,
  type ClusterKeys,
  clusterTaken,
  endCluster,
  findCluster,
  forgetCluster,
  keepAccess,
} from '../clusters/cluster-rows.ts'
import { createDoors, type Door, type Doors, type DoorsParts } from '../clusters/doors.ts'
import { sharedServices } from '../clusters/place.ts'
import { nodeTypeOf, type Provider } from '../clusters/provider.ts'
import type { Machines } from '../clusters/profiles.ts'
import { orderedClusterRoot } from '../clusters/root.ts'
import { rootLock } from '../clusters/terraform-states.ts'
import type { Db } from '../db/database.ts'
import type { Action, ActionContext, Observation, Outcome } from './action.ts'
import { siteAddresses } from './cluster-access.ts'
import { clusterObjects, observerKubeconfig } from './cluster-objects.ts'
import { type EngineRoots, ordersFrom, withEngineRoot } from './engine-root.ts'
import { clusterName } from './on-cluster.ts'
import { type TerraformApplyInput, terraformApply } from './terraform-apply.ts'
import { waitUntil } from './wait-until.ts'

const input = z.strictObject({
  name: clusterName,
  /** That it is ordered for. */
  account: z.number().int(),
  /** Of its machines; one of the provider's. */
  type: z.string().min(1),
  role: z.string().regex(/^[a-z][a-z0-9-]{0,29}$/, 'up to 30 lower-case letters, digits or "-"'),
  size: z.number().int().min(1).max(100),
  domain: z.string().min(1),
  ...siteAddresses,
  /** Secrets of the site with which images are pulled. */
  pullSecrets: z.array(z.string()).default([]),
  /** Ports of the cluster's own address and the node ports of the site's cluster that they lead to. */
  links: z.array(z.strictObject({ port: z.number().int(), node: z.number().int() })),
})

export type ClusterInput = z.infer<typeof input>

/** What clusters beside the site's own are kept with. */
export interface ClusterParts {
  readonly db: Db
  readonly keys: ClusterKeys
  readonly doors: Doors
  readonly enter: (name: string, kubeconfig: string) => Door
}

/** With the ways into those that serve. */
export function clusterParts(parts: Omit<DoorsParts, 'keys'> & { readonly keys: ClusterKeys }): ClusterParts {
  return { ...parts, doors: createDoors({ ...parts, keys: parts.keys.engine }) }
}

interface Parts {
  readonly clusters: ClusterParts
  readonly roots: EngineRoots
  /** Of the site's own cluster. */
  readonly kubernetes: Kubernetes
  readonly clock: Clock
}

const READY_MS = 300_000

/**
 * A cluster beside the site's own, ordered through Terraform: its machines, what belongs into every cluster of the site,
 * and the credentials of both who work and who look there, which are kept encrypted. With it goes whatever is in it.
 */
export function cluster(parts: Parts): Action<ClusterInput> {
  const { roots, clusters } = parts
  const inner = terraformApply({ terraform: roots.terraform, roots: (root) => join(roots.folder, root) })
  const withRoot = async <T>(
    wanted: ClusterInput,
    machinesOf: (provider: Provider) => Machines,
    context: ActionContext,
    work: (root: TerraformApplyInput) => Promise<T>,
  ): Promise<T> => {
    const cloud = ordersFrom(roots.provider)
    const { name, domain, links } = wanted
    const made = (site: Parameters<typeof orderedClusterRoot>[0]) =>
      orderedClusterRoot(site, { name, domain, links, machines: machinesOf(cloud.provider) })
    return await withEngineRoot(roots, rootOfCluster(name), cloud, made, context, work)
  }
  return {
    name: 'cluster',
    input,
    locks: ({ name }) => [rootLock(rootOfCluster(name))],
    things: ({ name }) => [{ system: 'terraform', kind: 'root', name: rootOfCluster(name) }],
    observe: async (wanted, context): Promise<Observation> => {
      const row = await findCluster(clusters.db, wanted.name)
      if (row !== undefined && row.account !== wanted.account) return { state: 'absent', detail: 'of another account' }
      const ordered = await withRoot(
        wanted,
        (provider) => machinesOf(wanted, provider),
        context,
        async (root) => await inner.observe(root, context),
      )
      if (ordered.state !== 'present') {
        if (ordered.state === 'absent' && row !== undefined) return { state: 'different', detail: 'its row is there' }
        return ordered
      }
      return await lookInside(parts, wanted)
    },
    ensure: async (wanted, context) => {
      const { provider } = ordersFrom(roots.provider)
      if (wanted.name === roots.provider?.site.cluster) throw clusterTaken(wanted.name)
      // Refused before its name is taken.
      const machines = machinesOf(wanted, provider)
      await beginCluster(
        clusters.db,
        { name: wanted.name, account: wanted.account, provider: provider.provider },
        parts.clock.now(),
      )
      const made = await withRoot(
        wanted,
        () => machines,
        context,
        async (root) => await inner.ensure({ ...root, outputs: ['kubeconfig', 'api_server', 'dns'] }, context),
      )
      const kubeconfig = textOf(made.outputs, 'kubeconfig')
      const address = textOf(made.outputs, 'dns')
      const { kubernetes } = clusters.enter(wanted.name, kubeconfig)
      await untilServing(kubernetes, wanted.name, parts.clock, context)
      const applied = await applyAll(await objectsFor(parts, wanted, address), kubernetes, context)
      const observer = await observerKubeconfig(kubernetes, { ...wanted, kubeconfig }, parts.clock, context)
      const access = { kubeconfig, observer, address, apiServer: textOf(made.outputs, 'api_server') }
      await keepAccess(clusters.db, clusters.keys, wanted.name, access, parts.clock.now())
      return { changed: made.changed || applied > 0, message: made.message }
    },
    remove: async (wanted, context) => {
      // Its name may be another account's: what was never begun is not taken away.
      const row = await findCluster(clusters.db, wanted.name)
      if (row !== undefined && row.account !== wanted.account) return { changed: false, message: 'already absent' }
      return await removeCluster(parts, wanted.name, context)
    },
  }
}

/** Takes a cluster away with all that is in it: its state says what there is. */
export async function removeCluster(
  { clusters, roots, clock }: Omit<Parts, 'kubernetes'>,
  name: string,
  context: ActionContext,
): Promise<Outcome> {
  await endCluster(clusters.db, name, clock.now())
  const inner = terraformApply({ terraform: roots.terraform, roots: (root) => join(roots.folder, root) })
  // The module asks for one, also where all shall go.
  const some = { [`${name}-1`]: { role: 'worker', cores: 1, memoryGb: 1 } }
  const nothing = { name, domain: 'none.invalid', links: [], machines: some }
  const outcome = await withEngineRoot(
    roots,
    rootOfCluster(name),
    ordersFrom(roots.provider),
    (site) => orderedClusterRoot(site, nothing),
    context,
    async (root) => await inner.remove(root, context),
  )
  await forgetCluster(clusters.db, name)
  return outcome
}

/** Of the Terraform root that orders a cluster. */
export function rootOfCluster(name: string): string {
  return `${ROOT}${name}`
}

/** The cluster that a root orders; undefined when it orders something else. */
export function clusterOfRoot(root: string): string | undefined {
  return root.startsWith(ROOT) ? root.slice(ROOT.length) : undefined
}

const ROOT = 'cluster-'

function machinesOf({ name, role, type, size }: ClusterInput, provider: Provider): Machines {
  const { cores, memoryGb } = nodeTypeOf(provider, type)
  const numbers = Array.from({ length: size }, (_, index) => index + 1)
  return Object.fromEntries(
    numbers.map((number) => [`${name}-${number}`, { role, cores, memoryGb, labels: {}, taints: [], simulated: false }]),
  )
}

function textOf(outputs: Readonly<Record<string, unknown>> | undefined, name: string): string {
  const value = outputs?.[name]
  if (typeof value === 'string' && value !== '') return value
  throw new AppError('unavailable', 'cluster-output-missing', `the cloud does not say the cluster's ${name}`)
}

async function untilServing(kubernetes: Kubernetes, name: string, clock: Clock, context: ActionContext): Promise<void> {
  const check = async () => ({ state: 'ready', reason: await kubernetes.version() }) as const
  await waitUntil({ what: `cluster ${name}`, timeoutMs: READY_MS, check }, clock, context)
}

/** Compares what lies in the cluster with what belongs there. */
async function lookInside(parts: Parts, wanted: ClusterInput): Promise<Observation> {
  const row = await findCluster(parts.clusters.db, wanted.name)
  const door = row?.state === 'ready' ? await parts.clusters.doors.open(wanted.name) : undefined
  if (row?.address === undefined || door === undefined)
    return { state: 'different', detail: 'it was not made to the end' }
  const differing: string[] = []
  for (const object of await objectsFor(parts, wanted, row.address))
    if ((await door.kubernetes.compare(object)) !== 'present') differing.push(describeRef(refOf(object)))
  if (differing.length === 0) return { state: 'present' }
  return { state: 'different', detail: `not as wanted: ${differing.join(', ')}` }
}

async function objectsFor(parts: Parts, wanted: ClusterInput, address: string): Promise<Manifest[]> {
  const storageClass = ordersFrom(parts.roots.provider).provider.volumes?.class
  const secrets: Manifest[] = []
  for (const name of wanted.pullSecrets) {
    const found = await parts.kubernetes.find({ apiVersion: 'v1', kind: 'Secret', name, namespace: wanted.namespace })
    if (found !== undefined) secrets.push(found)
  }
  return clusterObjects({
    namespace: wanted.namespace,
    address,
    services: sharedServices(wanted),
    storageClass,
    secrets,
  })
}

async function applyAll(objects: readonly Manifest[], kubernetes: Kubernetes, context: ActionContext): Promise<number> {
  let changed = 0
  for (const object of objects) {
    context.signal.throwIfAborted()
    if ((await kubernetes.apply(object)) === 'unchanged') continue
    changed += 1
    context.output(`applied ${describeRef(refOf(object))}`)
  }
  return changed
}
