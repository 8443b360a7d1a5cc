import { describeRef, type Kubernetes, type Manifest, refOf } from '../../adapters/kubernetes/port.ts'
import { lookAt, nodeChanges, requireFit } from '../../clusters/existing-cluster.ts'
import { loadProvider } from '../../clusters/provider.ts'
import { refuseOthersNamespaces, requireRoles, wantedOf } from '../actions/cluster-fit.ts'
import { type ExistingCloud } from '../cloud.ts'
import { providersFolder } from '../cloud-roots.ts'
import { claimText, findHoldings } from '../holdings.ts'
import { namespaceManifests } from '../manifests.ts'
import type { Change } from './site-preview.ts'

export interface ExistingChanges {
  readonly changes: readonly Change[]
  /** What is there already and is used. */
  readonly notes: readonly string[]
}

/** What `up` would do in a cluster that is there, below the charts. Refuses one that will not do, as `up` would. */
export async function existingChanges(
  kubernetes: Kubernetes,
  cloud: ExistingCloud,
  { site, project, selectsRoles }: { readonly site: string; readonly project: string; readonly selectsRoles: boolean },
): Promise<ExistingChanges> {
  const wanted = wantedOf(cloud, providersFolder(project))
  const facts = await lookAt(kubernetes, wanted)
  requireFit(facts, wanted)
  requireRoles(facts, wanted, selectsRoles)
  await refuseOthersNamespaces(kubernetes, site)
  const named = Object.values(wanted.roles).flatMap(({ nodes }) => nodes)
  const nodes = nodeChanges(facts.nodes, wanted.roles).filter(({ node }) => named.includes(node))
  const { claims } = await findHoldings(kubernetes, site)
  return {
    changes: [
      ...nodes.map(
        ({ node, role }): Change => ({
          level: 'cluster',
          kind: 'change',
          what: `node ${node}`,
          details: [`role ${role}`],
        }),
      ),
      ...(await missingCharts(kubernetes, project)),
      ...(await missing(kubernetes, namespaceManifests(site))),
    ],
    notes: [
      `Kubernetes ${facts.version}, ${facts.nodes.length} nodes; nothing is touched that cloudmgr did not make`,
      ...claims.map((claim) => `${claimText(claim)} is there: its data is used`),
    ],
  }
}

async function missing(kubernetes: Kubernetes, manifests: readonly Manifest[]): Promise<Change[]> {
  const found = await Promise.all(manifests.map(async (one) => await kubernetes.find(refOf(one))))
  return manifests
    .filter((_, index) => found[index] === undefined)
    .map((one) => ({ level: 'cluster', kind: 'create', what: describeRef(refOf(one)), details: [] }))
}

async function missingCharts(kubernetes: Kubernetes, project: string): Promise<Change[]> {
  const { charts = [] } = loadProvider(providersFolder(project), 'existing')
  const found = await Promise.all(
    charts.map(async ({ unless }) => (unless === undefined ? undefined : await kubernetes.find(unless))),
  )
  return charts
    .filter((_, index) => found[index] === undefined)
    .map(({ release, version }) => ({ level: 'cluster', kind: 'create', what: `chart ${release}`, details: [version] }))
}
