import { existsSync, readFileSync, rmSync } from 'node:fs'
import { z } from 'zod'
import type { Kubernetes, Manifest } from '../../adapters/kubernetes/port.ts'
import type { Action, ActionContext } from '../../actions/action.ts'
import { AppError, explain } from '../../base/errors.ts'
import { readNodes } from '../components.ts'
import { replaceFile } from '../secrets.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  /** Where the kubeconfig is kept, readable by its owner only. */
  path: z.string().min(1),
  content: z.string().min(1),
  /** How many nodes must be ready. */
  nodes: z.int().min(0),
  /** How long a cluster may take that was just ordered. */
  timeoutSeconds: z.int().min(1).max(7200).default(1800),
})

export type ReachClusterInput = z.infer<typeof input>

export interface ReachClusterDeps {
  readonly kubernetes: Kubernetes
  readonly sleep: Sleep
  readonly now: () => number
  /** It answered once: from now on things of the site may be on it. */
  readonly noteReached: () => void
}

/** The way into a cluster elsewhere; ends when its API server answers and its nodes are ready. Output `dns` is its resolver. */
export function reachClusterAction(deps: ReachClusterDeps): Action<ReachClusterInput> {
  return {
    name: 'reach-cluster',
    input,
    locks: ({ path }) => [`file:${path}`],
    observe: async ({ path, content }) => {
      if (!existsSync(path)) return { state: 'absent' }
      return { state: readFileSync(path, 'utf8') === content ? 'present' : 'different' }
    },
    ensure: async (wanted, context) => {
      const { path, content } = wanted
      const known = existsSync(path) && readFileSync(path, 'utf8') === content
      if (!known) replaceFile(path, content)
      const version = await untilThere(wanted, deps, context)
      deps.noteReached()
      const dns = await findDns(deps.kubernetes)
      context.output(`Kubernetes ${version}; names are asked of ${dns}`)
      return { changed: !known, message: known ? 'already as wanted' : `Kubernetes ${version}`, outputs: { dns } }
    },
    remove: async ({ path }) => {
      const there = existsSync(path)
      rmSync(path, { force: true })
      return { changed: there, message: there ? 'removed' : 'already as wanted' }
    },
  }
}

/** The version, once enough nodes are ready. */
async function untilThere(wanted: ReachClusterInput, deps: ReachClusterDeps, context: ActionContext): Promise<string> {
  const { kubernetes, sleep, now } = deps
  const deadline = now() + wanted.timeoutSeconds * 1000
  for (;;) {
    const { version, missing } = await look(kubernetes, wanted.nodes)
    if (version !== undefined && missing === undefined) {
      context.waiting(undefined)
      return version
    }
    if (now() >= deadline) {
      const text = `the cluster is not there after ${wanted.timeoutSeconds} s: ${missing}`
      throw new AppError('conflict', 'cluster-not-ready', text, {
        details: { right: 'look at its machines; up continues' },
      })
    }
    context.waiting(missing)
    await sleep(2000, context.signal)
  }
}

async function look(
  kubernetes: Kubernetes,
  wanted: number,
): Promise<{ version?: string; missing?: string | undefined }> {
  try {
    const version = await kubernetes.version()
    const nodes = await readNodes(kubernetes)
    const ready = nodes.filter((node) => node.ready).length
    const lost = nodes.filter((node) => !node.ready).map(({ name }) => name)
    const which = lost.length === 0 ? '' : ` (not ready: ${lost.join(', ')})`
    return { version, missing: ready >= wanted ? undefined : `nodes: ${ready} of ${wanted} ready${which}` }
  } catch (cause) {
    if (cause instanceof AppError && cause.kind === 'unavailable') return { missing: explain(cause) }
    throw cause
  }
}

/** Where pods ask for names: of resolvers that are no pods their own address, else that of the Service. */
export async function findDns(kubernetes: Kubernetes): Promise<string> {
  const namespace = 'kube-system'
  const services = await kubernetes.list({ apiVersion: 'v1', kind: 'Service' }, { namespace })
  const service = services.find(
    ({ metadata: { name, labels } }) => name === 'kube-dns' || labels?.['k8s-app'] === 'kube-dns',
  )
  if (service === undefined) {
    const text = 'finding the cluster’s DNS: kube-system has no Service kube-dns, nor one with label k8s-app=kube-dns'
    throw new AppError('not-found', 'no-dns', text, {
      details: { right: 'a cluster whose DNS is a Service, as usual' },
    })
  }
  const slices = await kubernetes.list(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    { namespace, labels: `kubernetes.io/service-name=${service.metadata.name}` },
  )
  const outside = slices.flatMap(endpoints).find(({ targetRef }) => targetRef === undefined)
  return outside?.addresses[0] ?? String((service['spec'] as { clusterIP?: string } | undefined)?.clusterIP)
}

interface Endpoint {
  readonly addresses: readonly string[]
  readonly targetRef?: object
}

function endpoints(slice: Manifest): readonly Endpoint[] {
  return (slice['endpoints'] ?? []) as readonly Endpoint[]
}
