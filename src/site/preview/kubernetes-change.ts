import { AppError } from '../../base/errors.ts'
import { plain, refusedStep, versionStep } from '../../base/kubernetes-version.ts'
import { type CloudKind, kindOf, kubernetesOf } from '../cloud.ts'
import type { RunningKubernetes } from '../operator.ts'
import type { Site } from '../site.ts'
import type { Change } from './site-preview.ts'

/** Who goes over to the version, and in which order. */
const ways: Readonly<Record<Exclude<CloudKind, 'existing'>, string>> = {
  local: 'control plane, then each machine: emptied, exchanged, used again, one at a time',
  rancher: 'Rancher upgrades control plane, then each machine',
  hcloud: 'machines to come have it; those that are there are upgraded by hand: terraform/hcloud-cluster/README.md',
}

/** What the version of Kubernetes that a site is to have means for its cluster; refuses what Kubernetes does not support. */
export function kubernetesChanges(site: Site, running: RunningKubernetes | undefined): Change[] {
  const kind = kindOf(site)
  const wanted = kubernetesOf(site)
  if (kind === 'existing' || wanted === undefined || running === undefined) return []
  const { version, upgrade } = running
  if (versionStep(version, wanted) === 'same')
    return upgrade === undefined ? [] : [change(`Kubernetes ${plain(wanted)}: its upgrade goes on`, upgrade)]
  const why = refusedStep(version, wanted, waysBack[kind])
  if (why === undefined) return [change(`Kubernetes ${plain(version)} → ${plain(wanted)}`, ways[kind])]
  throw new AppError('invalid', 'kubernetes-version', `provider.kubernetesVersion: ${why}`, {
    details: { field: 'provider.kubernetesVersion', value: wanted, running: version },
  })
}

const down = 'the cluster is made anew and volumes stay with their data'
const waysBack: Readonly<Record<Exclude<CloudKind, 'existing'>, string>> = {
  local: `The way back is ./cloudmgr down, then ./cloudmgr up with the older version: ${down}`,
  rancher:
    'The way back is a snapshot of etcd from before, restored in Rancher together with its version of Kubernetes',
  hcloud: `The way back is ./cloudmgr down, then ./cloudmgr up with the older version: ${down}`,
}

function change(what: string, detail: string): Change {
  return { level: 'cluster', kind: 'change', what, details: [detail] }
}

/** Which version Rancher was told, by the state of root `cluster`; `undefined` where that says nothing. */
export function versionInState(state: string | undefined): string | undefined {
  if (state === undefined) return undefined
  const { resources = [] } = JSON.parse(state) as StateText
  const made = resources.filter(({ mode, type }) => mode === 'managed' && type === 'rancher2_cluster_v2')
  const told = made.flatMap(({ instances = [] }) => instances.map(({ attributes }) => attributes?.kubernetes_version))
  return told.find((version) => version !== undefined)?.replace(/\+.*$/, '')
}

interface StateText {
  readonly resources?: readonly {
    readonly mode: string
    readonly type: string
    readonly instances?: readonly { readonly attributes?: { readonly kubernetes_version?: string } }[]
  }[]
}
