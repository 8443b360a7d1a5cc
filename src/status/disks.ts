import type { Disk, KubeletAddress, Kubelets } from '../adapters/kubelet/port.ts'
import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createSlots } from '../base/slots.ts'

export interface DiskParts {
  readonly kubernetes: Pick<Kubernetes, 'list'>
  readonly kubelets: Kubelets
  readonly log: Pick<Log, 'info' | 'warn'>
}

/** How full each node's disk is, as a share of 1; of a node that can't be asked there is nothing. Never rejects. */
export type LookAtDisks = () => Promise<ReadonlyMap<string, number>>

const AT_ONCE = 50
const KUBELET_PORT = 10_250

/** Asks the kubelets side by side; why some don't answer is said once, until that changes. */
export function createDisks({ kubernetes, kubelets, log }: DiskParts): LookAtDisks {
  let said = ''
  const say = (reasons: ReadonlyMap<string, string>): void => {
    const [first] = reasons.values()
    const nodes = [...reasons.keys()].toSorted().join(', ')
    if (nodes === said) return
    if (first === undefined) log.info('all nodes tell their disks again')
    else log.warn('disks of nodes are not told', { nodes, reason: first })
    said = nodes
  }
  return async () => {
    const shares = new Map<string, number>()
    const reasons = new Map<string, string>()
    const slot = createSlots(AT_ONCE)
    const look = async ({ name, kubelet }: { name: string; kubelet: KubeletAddress }) => {
      try {
        const disk = await slot(async () => await kubelets.disk(kubelet))
        if (disk !== undefined && disk.capacityBytes > 0) shares.set(name, share(disk))
      } catch (error) {
        reasons.set(name, explain(error))
      }
    }
    try {
      const nodes = await kubernetes.list({ apiVersion: 'v1', kind: 'Node' })
      await Promise.all(nodes.flatMap(kubeletOf).map(look))
    } catch (error) {
      reasons.set('all', explain(error))
    }
    say(reasons)
    return shares
  }
}

function share({ capacityBytes, availableBytes }: Disk): number {
  const used = 1 - Math.min(Math.max(availableBytes, 0), capacityBytes) / capacityBytes
  return Math.round(used * 1e4) / 1e4
}

interface NodeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly addresses?: readonly { readonly type: string; readonly address: string }[]
    readonly daemonEndpoints?: { readonly kubeletEndpoint?: { readonly Port?: number } }
  }
}

/** Nobody is asked on a node that is simulated, or that is known not to answer. */
function kubeletOf(object: Manifest): { name: string; kubelet: KubeletAddress }[] {
  const { status = {} } = object as NodeObject
  const { name, annotations = {} } = object.metadata
  const isReady = status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
  const address = status.addresses?.find(({ type }) => type === 'InternalIP')?.address
  if (!isReady || address === undefined || 'kwok.x-k8s.io/node' in annotations) return []
  return [{ name, kubelet: { address, port: status.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT } }]
}
