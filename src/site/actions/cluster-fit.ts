import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { describeRef, refOf, type Kubernetes } from '../../adapters/kubernetes/port.ts'
import { AppError } from '../../base/errors.ts'
import {
  type ClusterFacts,
  type ExistingCluster,
  lookAt,
  requireFit,
  roleLabel,
  unfit,
} from '../../clusters/existing-cluster.ts'
import { catalogueLine } from '../cloud-roots.ts'
import { siteNamespaces } from '../components.ts'
import { componentRoles } from '../file/pools.ts'
import { siteLabel } from '../manifests.ts'

const taint = z.object({
  key: z.string(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
})

export const existingInput = z.strictObject({
  kind: z.literal('existing'),
  roles: z.record(
    z.string(),
    z.strictObject({ nodes: z.array(z.string()), taints: z.array(taint).optional(), gpu: z.boolean().optional() }),
  ),
  storageClass: z.string().optional(),
  /** One that it is made known to. */
  rancher: z.looseObject({ version: z.string().optional() }).optional(),
})

const input = z.strictObject({
  site: z.string().min(1),
  cluster: existingInput,
  /** Each part of the site runs on nodes of its role. */
  selectsRoles: z.boolean().default(false),
})

export type ClusterFitInput = z.infer<typeof input>

/** Looks whether a cluster that is there will do, before anything in it is touched. Changes nothing. */
export function clusterFitAction({
  kubernetes,
  providers,
}: {
  readonly kubernetes: Kubernetes
  /** `catalog/providers`. */
  readonly providers: string
}): Action<ClusterFitInput> {
  return {
    name: 'cluster-fit',
    input,
    locks: () => ['cluster'],
    observe: async ({ cluster }) => {
      const wanted = wantedOf(cluster, providers)
      return { state: unfit(await lookAt(kubernetes, wanted), wanted).length === 0 ? 'present' : 'different' }
    },
    ensure: async ({ site, cluster, selectsRoles }, context) => {
      const wanted = wantedOf(cluster, providers)
      const facts = await lookAt(kubernetes, wanted)
      requireFit(facts, wanted)
      requireRoles(facts, wanted, selectsRoles)
      await refuseOthersNamespaces(kubernetes, site)
      context.output(
        `Kubernetes ${facts.version}, ${facts.nodes.length} nodes, storage ${cluster.storageClass ?? 'by the default class'}`,
      )
      return { changed: false, message: 'it will do' }
    },
    remove: async () => ({ changed: false, message: 'nothing was made' }),
  }
}

/** What must be there, also for the Rancher that it is made known to. */
export function wantedOf(
  { roles, storageClass, rancher }: ClusterFitInput['cluster'],
  providers: string,
): ExistingCluster {
  return {
    // JSON knows no `undefined`; the types are those of the site file.
    roles: roles as ExistingCluster['roles'],
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(rancher === undefined ? {} : { rancher: true, kubernetes: catalogueLine(providers, rancher).kubernetes }),
  }
}

/**
 * Notebooks and workers of accounts select nodes of role worker, also where nothing else selects any; with `selects` each
 * part of the site selects those of its own role.
 */
export function requireRoles({ nodes }: ClusterFacts, { roles }: ExistingCluster, selects: boolean): void {
  const needed = selects ? componentRoles : (['worker'] as const)
  const missing = needed.filter((role) => roles[role] === undefined && !nodes.some((node) => node.role === role))
  if (missing.length === 0) return
  const names = nodes.map(({ name }) => name).join(', ')
  const right = `roles.${missing[0]} with nodes${missing.length > 1 ? `, and so on` : ''} (there are ${names}), or label ${roleLabel}=${missing[0]} on nodes of your own pools`
  throw new AppError(
    'invalid',
    'cluster-unfit',
    `this cluster will not do: provider.roles: no node has role ${missing.join(', ')}; right is ${right}`,
    { details: { check: 'nodes', field: 'provider.roles', value: missing.join(', '), right } },
  )
}

/** A namespace of our name that is somebody else's, or another site's, is not taken over. */
export async function refuseOthersNamespaces(kubernetes: Kubernetes, site: string): Promise<void> {
  for (const name of siteNamespaces) {
    const found = await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name })
    if (found === undefined || found.metadata.labels?.[siteLabel] === site) continue
    const owner = found.metadata.labels?.[siteLabel]
    const whose = owner === undefined ? 'was not made by cloudmgr for a site here' : `is of site ${owner}`
    throw new AppError(
      'conflict',
      'namespace-taken',
      `${describeRef(refOf({ ...found, kind: 'Namespace' }))} ${whose}: it is left alone; use a cluster without it`,
      { details: { field: 'provider.kubeconfig', value: name } },
    )
  }
}
