import { join } from 'node:path'
import { z } from 'zod'
import type { Kubernetes, Manifest, Readiness } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import type { Clock } from '../base/clock.ts'
import type { ClusterMaker, ClusterOrder, ClusterRoot, MadeCluster } from '../clusters/cluster-maker.ts'
import {
  adminAccess,
  beginCluster,
  type ClusterKeys,
  clusterTaken,
  endCluster,
  findCluster,
  forgetCluster,
  keepAccess,
} from '../clusters/cluster-rows.ts'
import { answers, createDoors, type Door, type Doors, type DoorsParts } from '../clusters/doors.ts'
import { roleLabel } from '../clusters/existing-cluster.ts'
import { hcloudCluster } from '../clusters/hcloud-cluster.ts'
import { localCluster } from '../clusters/local-cluster.ts'
import { sharedServices } from '../clusters/place.ts'
import { rootLock } from '../clusters/terraform-states.ts'
import type { Db } from '../db/database.ts'
import type { Action, ActionContext, Observation, Outcome } from './action.ts'
import { siteAddresses } from './cluster-access.ts'
import { clusterObjects, observerKubeconfig } from './cluster-objects.ts'
import { type EngineRoots, ordersFrom, withEngineRoot } from './engine-root.ts'
import { clusterName } from './on-cluster.ts'
import { drainAllBut, forgetNodes, isReady } from './pool-nodes.ts'
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

/**
 * A cluster beside the site's own, ordered through Terraform: its machines, what belongs into every cluster of the site,
 * and the credentials of both who work and who look there, which are kept encrypted. With it goes whatever is in it.
 */
export function cluster(parts: Parts): Action<ClusterInput> {
  const { roots, clusters } = parts
  const inner = terraformApply({ terraform: roots.terraform, roots: (root) => join(roots.folder, root) })
  return {
    name: 'cluster',
    input,
    locks: ({ name }) => [rootLock(rootOfCluster(name))],
    things: ({ name }) => [{ system: 'terraform', kind: 'root', name: rootOfCluster(name) }],
    observe: async (wanted, context): Promise<Observation> => {
      const row = await findCluster(clusters.db, wanted.name)
      if (row !== undefined && row.account !== wanted.account) return { state: 'absent', detail: 'of another account' }
      const made = await makerOf(parts).rootFor(wanted)
      const ordered = await inRoot(
        parts,
        wanted.name,
        made,
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
      const maker = makerOf(parts)
      if (wanted.name === roots.provider?.site.cluster) throw clusterTaken(wanted.name)
      // Refused before its name is taken.
      await maker.check(wanted)
      const { provider } = ordersFrom(roots.provider).provider
      await beginCluster(clusters.db, { name: wanted.name, account: wanted.account, provider }, parts.clock.now())
      const going = await emptyGoing(parts, wanted, maker, context)
      const applied = await inRoot(
        parts,
        wanted.name,
        await maker.rootFor(wanted),
        context,
        async (root) => await inner.ensure({ ...root, outputs: [...maker.outputs] }, context),
      )
      const made = await maker.made(applied.outputs ?? {}, wanted)
      const { kubernetes } = clusters.enter(wanted.name, made.kubeconfig)
      await forgetNodes(kubernetes, going, context)
      await untilServing(kubernetes, wanted, maker, parts.clock, context)
      if (maker.stays !== undefined) await labelNodes(kubernetes, wanted, context)
      const changed = await applyAll(await objectsFor(parts, wanted, made), kubernetes, context)
      const observer = await observerKubeconfig(
        kubernetes,
        { namespace: wanted.namespace, kubeconfig: made.kubeconfig },
        parts.clock,
        context,
      )
      await keepAccess(clusters.db, clusters.keys, wanted.name, { ...made, observer }, parts.clock.now())
      return { changed: applied.changed || changed > 0, message: applied.message }
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
  parts: Omit<Parts, 'kubernetes'>,
  name: string,
  context: ActionContext,
): Promise<Outcome> {
  const { clusters, roots, clock } = parts
  const maker = makerOf(parts)
  await endCluster(clusters.db, name, clock.now())
  // Also by the next engine, when this one ended in the middle.
  const kubeconfig = await adminAccess(clusters.db, clusters.keys, name)
  const kubernetes = kubeconfig === undefined ? undefined : clusters.enter(name, kubeconfig).kubernetes
  await maker.beforeRemoval?.(name, kubernetes, context)
  const inner = terraformApply({ terraform: roots.terraform, roots: (root) => join(roots.folder, root) })
  const nothing = await maker.rootForRemoval(name)
  const outcome = await inRoot(parts, name, nothing, context, async (root) => await inner.remove(root, context))
  await forgetCluster(clusters.db, name)
  return outcome
}

/** Of the site's provider. */
function makerOf({ roots, clusters, clock }: Omit<Parts, 'kubernetes'>): ClusterMaker {
  const { provider, site, env, hcloud } = ordersFrom(roots.provider)
  if (hcloud === undefined) return localCluster(provider)
  return hcloudCluster({
    ...clusters,
    clock,
    provider,
    site: site.cluster,
    join: hcloud,
    token: env['HCLOUD_TOKEN'] ?? '',
  })
}

/** Empties the nodes whose machines go with this order; answers with their names. A cluster that is away has none to empty. */
async function emptyGoing(
  { clusters, clock }: Parts,
  order: ClusterInput,
  maker: ClusterMaker,
  context: ActionContext,
): Promise<readonly string[]> {
  const stays = maker.stays?.(order)
  const kubernetes = (await clusters.doors.all()).get(order.name)?.kubernetes
  if (stays === undefined || kubernetes === undefined || !(await answers(kubernetes))) return []
  return await drainAllBut({ kubernetes, clock }, stays.pool, stays.nodes, context)
}

/** What plain machines were told at their first start may have changed since. */
async function labelNodes(kubernetes: Kubernetes, { role }: ClusterOrder, context: ActionContext): Promise<void> {
  for (const { apiVersion, kind, metadata } of await kubernetes.list({ apiVersion: 'v1', kind: 'Node' })) {
    if (metadata.labels?.[roleLabel] === role) continue
    await kubernetes.change({ apiVersion, kind, name: metadata.name }, { metadata: { labels: { [roleLabel]: role } } })
    context.output(`node ${metadata.name} has role ${role}`)
  }
}

async function inRoot<T>(
  { roots }: Pick<Parts, 'roots'>,
  name: string,
  { root, env }: ClusterRoot,
  context: ActionContext,
  work: (wanted: TerraformApplyInput) => Promise<T>,
): Promise<T> {
  const cloud = ordersFrom(roots.provider)
  return await withEngineRoot(
    roots,
    rootOfCluster(name),
    { ...cloud, env: { ...cloud.env, ...env } },
    root,
    context,
    work,
  )
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

/** Its API answers, and as many nodes are ready as there are machines. */
async function untilServing(
  kubernetes: Kubernetes,
  order: ClusterOrder,
  { startMs, nodes }: ClusterMaker,
  clock: Clock,
  context: ActionContext,
): Promise<void> {
  const size = nodes?.(order) ?? 0
  const check = async (): Promise<Readiness> => {
    const version = await kubernetes.version()
    if (size === 0) return { state: 'ready', reason: version }
    const ready = (await kubernetes.list({ apiVersion: 'v1', kind: 'Node' })).filter(isReady).length
    return { state: ready >= size ? 'ready' : 'waiting', reason: `${ready} of ${size} nodes ready` }
  }
  await waitUntil({ what: `cluster ${order.name}`, timeoutMs: startMs, check }, clock, context)
}

/** Compares what lies in the cluster with what belongs there. */
async function lookInside(parts: Parts, wanted: ClusterInput): Promise<Observation> {
  const row = await findCluster(parts.clusters.db, wanted.name)
  const door = row?.state === 'ready' ? await parts.clusters.doors.open(wanted.name) : undefined
  if (row === undefined || door === undefined) return { state: 'different', detail: 'it was not made to the end' }
  const differing: string[] = []
  for (const object of await objectsFor(parts, wanted, row))
    if ((await door.kubernetes.compare(object)) !== 'present') differing.push(describeRef(refOf(object)))
  if (differing.length === 0) return { state: 'present' }
  return { state: 'different', detail: `not as wanted: ${differing.join(', ')}` }
}

async function objectsFor(
  parts: Parts,
  wanted: ClusterInput,
  { address, links }: Partial<Pick<MadeCluster, 'address' | 'links'>>,
): Promise<Manifest[]> {
  const storageClass = ordersFrom(parts.roots.provider).provider.volumes?.class
  const secrets: Manifest[] = []
  for (const name of wanted.pullSecrets) {
    const found = await parts.kubernetes.find({ apiVersion: 'v1', kind: 'Secret', name, namespace: wanted.namespace })
    if (found !== undefined) secrets.push(found)
  }
  return clusterObjects({
    namespace: wanted.namespace,
    address,
    links,
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
