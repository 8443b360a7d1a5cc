import type { ActionContext } from '../actions/action.ts'
import { drain, type PoolNodes } from '../actions/pool-nodes.ts'
import type { BeforeDeletes } from '../actions/terraform-apply.ts'
import type { Rancher } from '../adapters/rancher/port.ts'

/** What Rancher has not let go by then goes with its machine: it sees that the node is lost. */
const FORGET_MS = 300_000
const PAUSE_MS = 2000

export interface LeavingMachines extends PoolNodes {
  readonly site: string
  /** Whether anything of the site may run there. */
  readonly isReached: () => boolean
  /** Whose cluster they joined; left out: nobody's. */
  readonly rancher?: { readonly api: Rancher; readonly url: string; readonly token: () => string } | undefined
}

/**
 * Before plain machines of Hetzner go: their nodes are emptied, and a Rancher whose cluster they joined forgets them, etcd's
 * member with them, as it would not by itself. Nothing else does it: Terraform only deletes servers.
 */
export function letMachinesGo(parts: LeavingMachines): BeforeDeletes {
  return async (addresses, context) => {
    const names = addresses.flatMap((address) => nodeOf(parts.site, address) ?? [])
    if (names.length === 0 || !parts.isReached()) return
    const all = await parts.kubernetes.list({ apiVersion: 'v1', kind: 'Node' })
    const nodes = all.filter(({ metadata }) => names.includes(metadata.name))
    await drain(parts, nodes, context)
    if (parts.rancher !== undefined) await forget(parts, parts.rancher, names, context)
  }
}

/** As modules hcloud-cluster and rancher-cluster/hetzner call their servers; `undefined`: no machine. */
function nodeOf(site: string, address: string): string | undefined {
  const found = /^module\.(?:cluster|machines)\.hcloud_server\.(?:control|machine|this)\["(.+)"\]$/.exec(address)
  return found === null ? undefined : `${site}-${found[1]}`
}

async function forget(
  { site, clock }: LeavingMachines,
  { api, url, token }: NonNullable<LeavingMachines['rancher']>,
  nodes: readonly string[],
  context: ActionContext,
): Promise<void> {
  const left = async () =>
    (await api.machines(url, token(), site)).filter(({ node }) => node !== undefined && nodes.includes(node))
  const end = clock.now() + FORGET_MS
  for (const { name } of await left()) await api.deleteMachine(url, token(), name)
  for (let still = await left(); still.length > 0 && clock.now() < end; still = await left()) {
    context.signal.throwIfAborted()
    context.waiting(`Rancher to let ${still.map(({ node }) => node).join(', ')} go`, { idle: true })
    await clock.sleep(PAUSE_MS, context.signal)
  }
  context.waiting(undefined)
}
