import { z } from 'zod'
import type { Action, ActionContext } from '../../actions/action.ts'
import type { Helm } from '../../adapters/helm/port.ts'
import { type Kubernetes, refOf } from '../../adapters/kubernetes/port.ts'
import type { Clock } from '../../base/clock.ts'
import { AppError } from '../../base/errors.ts'
import type { ClusterChart } from '../../clusters/provider.ts'
import {
  type BackupSecrets,
  backupNamespace,
  backupObjects,
  certManagerNamespace,
  rancherCharts,
  rancherNamespace,
} from '../../clusters/rancher-charts.ts'
import { isBetween, minorOf, type RancherLine } from '../../clusters/rancher-versions.ts'
import { rancherInCluster } from '../cloud.ts'
import { secretLabels, siteLabel } from '../manifests.ts'
import type { RancherFound, RancherNotes } from '../rancher-found.ts'
import { clusterId, idOf, inventory, removeTraces, tracesLeft } from '../rancher-traces.ts'
import { bringChart } from './cluster-charts.ts'

const input = z.strictObject({
  site: z.string().min(1),
  server: z.strictObject({
    rancher: rancherInCluster,
    /** Minor version; that of `catalog/rancher.yml` when left out. */
    version: z.string().optional(),
  }),
})

export type RancherServerInput = z.infer<typeof input>

export interface RancherServerDeps extends RancherNotes {
  /** Of the Rancher's cluster. */
  readonly helm: Helm
  readonly kubernetes: Kubernetes
  /** Writes the kubeconfig that both are of. */
  readonly reach: () => void
  readonly clock: Clock
  readonly lineOf: (version: string | undefined) => { readonly line: RancherLine; readonly certManager: string }
  readonly secrets: () => { readonly bootstrapPassword: string; readonly backup?: BackupSecrets | undefined }
  /** Where charts are kept that were fetched. */
  readonly folder: string
}

/**
 * A Rancher in a cluster that is there: cert-manager, Rancher and its backups from pinned charts. Another version changes
 * what has another version, one minor version at a time. Removed, the cluster is as it was found.
 */
export function rancherServerAction(deps: RancherServerDeps): Action<RancherServerInput> {
  const { helm, kubernetes, lastFound, keepFound } = deps
  const chartsOf = ({ server: { rancher, version } }: RancherServerInput) => {
    const { line, certManager } = deps.lineOf(version)
    const { bootstrapPassword } = deps.secrets()
    return { line, charts: rancherCharts(rancher, line, { certManager, bootstrapPassword }) }
  }
  return {
    name: 'rancher-server',
    input,
    locks: () => ['rancher-server'],
    observe: async (wanted) => {
      const found = lastFound()
      if (found === undefined) return { state: 'absent' }
      const { line } = chartsOf(wanted)
      const there = await helm.find('rancher', rancherNamespace)
      if (there?.chart === `rancher-${line.version}`) return { state: 'present' }
      if (there !== undefined) return { state: 'different', detail: `it is ${there.chart}` }
      const left = await tracesLeft(kubernetes, found)
      return { state: 'different', detail: left.length === 0 ? 'it is not there' : left.slice(0, 5).join(', ') }
    },
    ensure: async (wanted, context) => {
      deps.reach()
      const { line, charts } = chartsOf(wanted)
      await requireFit(line, kubernetes)
      const found = lastFound()
      if (found === undefined) {
        await refuseOthers(kubernetes)
        keepFound(await inventory(kubernetes))
      } else await requireSame(found, kubernetes)
      await requireStep(line, helm)
      const brought: string[] = []
      if (wanted.server.rancher.backup === undefined) brought.push(...(await withoutBackup(deps, context)))
      for (const chart of charts) {
        if (chart.unless === undefined || (await kubernetes.find(chart.unless)) === undefined)
          await ensureNamespace(chart, wanted.site, kubernetes)
        if (await bringChart(chart, deps, context)) brought.push(`${chart.release} ${chart.version}`)
      }
      brought.push(...(await ensureBackup(wanted, deps)))
      context.waiting(undefined)
      return {
        changed: brought.length > 0,
        message: brought.length > 0 ? `brought ${brought.join(', ')}` : 'already as wanted',
        outputs: { address: await addressOf(kubernetes) },
      }
    },
    remove: async (wanted, context) => {
      const found = lastFound()
      if (found === undefined) return { changed: false, message: 'there is none' }
      deps.reach()
      await requireSame(found, kubernetes)
      await withoutBackup(deps, context)
      const run = { signal: context.signal, output: (line: string) => context.output(line) }
      await helm.uninstall('rancher', rancherNamespace, run)
      const gone = await removeTraces(kubernetes, found, context)
      for (const one of gone) context.output(`removed: ${one}`)
      const kept = await withoutCertManager(deps, found['CustomResourceDefinition'] ?? [], context)
      await removeNamespaces(wanted.site, kept, kubernetes, context)
      keepFound(undefined)
      return { changed: true, message: kept ? 'removed; cert-manager stays' : 'removed' }
    },
  }
}

export async function requireFit({ kubernetes: { from, to }, rancher }: RancherLine, kubernetes: Kubernetes) {
  const version = await kubernetes.version()
  if (isBetween(minorOf(version), from, to)) return
  const right = `Kubernetes ${from} to ${to}`
  throw new AppError(
    'invalid',
    'rancher-cluster-unfit',
    `rancher.cluster: it has Kubernetes ${version}; for Rancher ${rancher} right is ${right} (catalog/rancher.yml)`,
    { details: { field: 'rancher.cluster', value: version, right } },
  )
}

/** Another kubeconfig may lead to the same cluster; to another one the Rancher does not move. */
async function requireSame(found: RancherFound, kubernetes: Kubernetes): Promise<void> {
  if (found[clusterId]?.[0] === (await idOf(kubernetes))) return
  const right = 'the kubeconfig of that cluster; ./cloudmgr down takes the Rancher away there'
  throw new AppError(
    'conflict',
    'rancher-moved',
    `rancher.cluster: it is another cluster than the one that the Rancher was put into; right is ${right}`,
    { details: { field: 'rancher.cluster.kubeconfig', right } },
  )
}

/** Two of them would fight over the cluster. */
export async function refuseOthers(kubernetes: Kubernetes): Promise<void> {
  if ((await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name: rancherNamespace })) === undefined) return
  const right = 'rancher: {kind: existing, …} with that one, or another cluster'
  throw new AppError(
    'conflict',
    'rancher-taken',
    `rancher.cluster: a Rancher, or the agent of one, is there already (Namespace ${rancherNamespace}); right is ${right}`,
    { details: { field: 'rancher.cluster', right } },
  )
}

/** Rancher goes up one minor version at a time, and never down. */
export async function requireStep({ version }: RancherLine, helm: Pick<Helm, 'find'>): Promise<void> {
  const is = (await helm.find('rancher', rancherNamespace))?.chart.replace(/^rancher-/, '')
  if (is === undefined || minorOf(is) === minorOf(version)) return
  const [from = 0, to = 0] = [is, version].map((one) => Number(one.split('.')[1]))
  if (to === from + 1 && is.split('.')[0] === version.split('.')[0]) return
  const right = to > from ? `${is.split('.')[0]}.${from + 1} next` : `${minorOf(is)}: it can't go back`
  throw new AppError(
    'invalid',
    'rancher-step',
    `rancher.version: Rancher is ${is}, not ${version}; right is ${right}`,
    {
      details: { field: 'rancher.version', value: version, right },
    },
  )
}

/** Made by us, as its label says, or somebody's, which stays. */
async function ensureNamespace({ namespace: name }: ClusterChart, site: string, kubernetes: Kubernetes): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'Namespace', name }
  if ((await kubernetes.find(ref)) !== undefined) return
  const labels = { ...secretLabels, [siteLabel]: site }
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
}

async function ensureBackup(
  {
    server: {
      rancher: { backup },
    },
  }: RancherServerInput,
  { kubernetes, secrets }: RancherServerDeps,
): Promise<readonly string[]> {
  const keys = secrets().backup
  if (backup === undefined || keys === undefined) return []
  const applied = []
  for (const object of backupObjects(backup, keys)) applied.push(await kubernetes.apply(object))
  return applied.every((one) => one === 'unchanged') ? [] : ['schedule and place of backups']
}

/** The backups that were made stay where they are. */
async function withoutBackup({ helm }: RancherServerDeps, context: ActionContext): Promise<readonly string[]> {
  const gone: string[] = []
  for (const release of ['rancher-backup', 'rancher-backup-crd'])
    if (await helm.uninstall(release, backupNamespace, { signal: context.signal })) gone.push(`no ${release}`)
  return gone
}

const certificates = { apiVersion: 'cert-manager.io/v1', kind: 'Certificate' }
const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' }

/** True when it stays: it is somebody's, or somebody uses ours. Its chart leaves its kinds behind. */
async function withoutCertManager(
  { helm, kubernetes }: RancherServerDeps,
  before: readonly string[],
  context: ActionContext,
): Promise<boolean> {
  const release = await helm.find('cert-manager', certManagerNamespace)
  if (release?.fingerprint === undefined) return true
  const kinds = (await kubernetes.list(definition)).filter(
    ({ metadata: { name } }) => /(^|\.)cert-manager\.io$/.test(name) && !before.includes(name),
  )
  const hasKind = kinds.some(({ metadata }) => metadata.name === 'certificates.cert-manager.io')
  const used = hasKind ? await kubernetes.list(certificates) : []
  const others = used.filter(({ metadata }) => metadata.namespace !== rancherNamespace)
  if (others.length > 0) {
    context.output(`kept: cert-manager, which ${others.map((one) => one.metadata.namespace).join(', ')} uses`)
    return true
  }
  await helm.uninstall('cert-manager', certManagerNamespace, { signal: context.signal })
  for (const one of kinds)
    await kubernetes.delete({ ...definition, name: one.metadata.name }, { signal: context.signal })
  return false
}

async function removeNamespaces(
  site: string,
  withCertManager: boolean,
  kubernetes: Kubernetes,
  context: ActionContext,
): Promise<void> {
  const labels = `${siteLabel}=${site}`
  const own = await kubernetes.list({ apiVersion: 'v1', kind: 'Namespace' }, { labels })
  const kept = withCertManager ? [] : [certManagerNamespace]
  const gone = [rancherNamespace, backupNamespace, ...kept]
  for (const one of own.filter(({ metadata }) => gone.includes(metadata.name)))
    await kubernetes.delete(
      { ...refOf(one), apiVersion: 'v1', kind: 'Namespace' },
      { signal: context.signal, onWaiting: (reason) => context.waiting(reason) },
    )
}

interface IngressStatus {
  readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] }
}

/** Where Rancher's name must lead to, as far as its Ingress says. */
async function addressOf(kubernetes: Kubernetes): Promise<string> {
  const ref = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'rancher', namespace: rancherNamespace }
  const { loadBalancer } = ((await kubernetes.find(ref))?.['status'] ?? {}) as IngressStatus
  const [first] = loadBalancer?.ingress ?? []
  return first?.ip ?? first?.hostname ?? 'the ingress controller of its cluster'
}
