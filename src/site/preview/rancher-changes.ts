import type { Helm } from '../../adapters/helm/port.ts'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import { rancherCharts } from '../../clusters/rancher-charts.ts'
import { refuseOthers, requireFit, requireStep } from '../actions/rancher-server.ts'
import { type Cloud, rancherOf } from '../cloud.ts'
import { providersFolder, rancherParts } from '../cloud-roots.ts'
import type { Change } from './site-preview.ts'

export interface RancherPlace {
  readonly kubernetes: Kubernetes
  readonly helm: Pick<Helm, 'find'>
}

/** What `up` would do in the cluster of the site's own Rancher. Refuses one that will not do, as `up` would. */
export async function rancherChanges(
  { kubernetes, helm }: RancherPlace,
  cloud: Cloud,
  { project, isBegun }: { readonly project: string; readonly isBegun: boolean },
): Promise<readonly Change[]> {
  const { inCluster, version, url = '' } = rancherOf(cloud) ?? {}
  if (inCluster === undefined) return []
  const { line, certManager } = rancherParts(providersFolder(project), version)
  await requireFit(line, kubernetes)
  await requireStep(line, helm)
  if (!isBegun) await refuseOthers(kubernetes)
  const changes: Change[] = []
  for (const chart of rancherCharts(inCluster, line, { certManager, bootstrapPassword: '' })) {
    const there = await helm.find(chart.release, chart.namespace)
    const isOthers = chart.unless !== undefined && (await kubernetes.find(chart.unless)) !== undefined
    if (there === undefined && isOthers) continue
    const is = there?.chart.slice(chart.chart.length + 1)
    if (is === chart.version || (there !== undefined && there.fingerprint === undefined)) continue
    const details = is === undefined ? [chart.version] : [`${is} → ${chart.version}`]
    const what = `chart ${chart.release} in the cluster of Rancher ${url}`
    changes.push({ level: 'cloud', kind: is === undefined ? 'create' : 'change', what, details })
  }
  return changes
}
