import { z } from 'zod'
import type { Kubernetes, Manifest, ObjectRef } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import { type SharedService, sharedServices } from '../clusters/place.ts'
import type { Action } from './action.ts'
import { thingOf } from './kubernetes-apply.ts'
import { clusterName } from './on-cluster.ts'

/** Where the site's shared services are; as the plan's steps have it of the site. */
export const siteAddresses = {
  namespace: z.string().min(1),
  mongo: z.string().min(1),
  broker: z.string().min(1),
  internalUrl: z.url(),
}

const input = z.strictObject({ name: clusterName, ...siteAddresses })

export type ClusterAccessInput = z.infer<typeof input>

export interface ClusterAccessParts {
  readonly kubernetes: Kubernetes
  /** Ranges of those who come to node ports of this cluster, by its nodes; the networks of the nodes when left out. */
  readonly neighbours?: ((nodes: readonly Manifest[]) => Promise<readonly string[]>) | undefined
}

/**
 * A way from another cluster's machines to the services of the site, in the site's own cluster: a node port for each, and
 * a policy that lets only the networks of nodes in. Its output `links` tells the ports.
 */
export function clusterAccess({ kubernetes, neighbours }: ClusterAccessParts): Action<ClusterAccessInput> {
  const refs = (wanted: ClusterAccessInput) => sharedServices(wanted).flatMap((service) => refsOf(wanted, service))
  return {
    name: 'cluster-access',
    input,
    locks: ({ namespace, name }) => [`kubernetes:cluster-access ${namespace}/${name}`],
    things: (wanted) =>
      refs(wanted).map(({ name, namespace, ...kind }) => thingOf({ ...kind, metadata: metadataOf(name, namespace) })),
    observe: async (wanted) => {
      const found = await Promise.all(refs(wanted).map(async (ref) => await kubernetes.find(ref)))
      if (found.every((one) => one === undefined)) return { state: 'absent' }
      const states = await Promise.all(
        (await objectsOf(wanted, { kubernetes, neighbours })).map(async (one) => await kubernetes.compare(one)),
      )
      if (states.every((state) => state === 'present')) return { state: 'present' }
      return { state: 'different', detail: `node ports or policies for cluster ${wanted.name} are not as wanted` }
    },
    ensure: async (wanted, context) => {
      const done: string[] = []
      for (const object of await objectsOf(wanted, { kubernetes, neighbours })) {
        if ((await kubernetes.apply(object)) === 'unchanged') continue
        done.push(describeRef(refOf(object)))
        context.output(`applied ${describeRef(refOf(object))}`)
      }
      const links = await Promise.all(sharedServices(wanted).map(async (one) => await linkOf(wanted, one, kubernetes)))
      const message = done.length === 0 ? 'already as wanted' : `applied ${done.join(', ')}`
      return { changed: done.length > 0, message, outputs: { links } }
    },
    remove: async (wanted, context) => {
      const gone: string[] = []
      for (const ref of refs(wanted))
        if (await kubernetes.delete(ref, { signal: context.signal })) gone.push(describeRef(ref))
      return gone.length === 0
        ? { changed: false, message: 'already absent' }
        : { changed: true, message: `deleted ${gone.join(', ')}` }
    },
  }
}

function nameOf({ name }: ClusterAccessInput, service: SharedService): string {
  return `cluster-${name}-${service.name}`
}

function refsOf(wanted: ClusterAccessInput, service: SharedService): (ObjectRef & { namespace: string })[] {
  const place = { name: nameOf(wanted, service), namespace: wanted.namespace }
  return [
    { apiVersion: 'v1', kind: 'Service', ...place },
    { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', ...place },
  ]
}

async function objectsOf(wanted: ClusterAccessInput, parts: ClusterAccessParts): Promise<Manifest[]> {
  const { kubernetes, neighbours = async (nodes) => networksOf(nodes) } = parts
  const networks = await neighbours(await kubernetes.list({ apiVersion: 'v1', kind: 'Node' }))
  const objects: Manifest[] = []
  for (const service of sharedServices(wanted)) objects.push(...(await openedTo(wanted, service, networks, kubernetes)))
  return objects
}

interface ServicePort {
  readonly port: number
  readonly targetPort?: number | string
  readonly nodePort?: number
}

interface ServiceSpec {
  readonly selector?: Readonly<Record<string, string>>
  readonly ports?: readonly ServicePort[]
}

async function openedTo(
  wanted: ClusterAccessInput,
  service: SharedService,
  networks: readonly string[],
  kubernetes: Kubernetes,
): Promise<Manifest[]> {
  const { namespace } = wanted
  const ref = { apiVersion: 'v1', kind: 'Service', name: service.name, namespace }
  const { selector, ports = [] } = ((await kubernetes.find(ref))?.['spec'] ?? {}) as ServiceSpec
  const target = ports.find(({ port }) => port === service.port)?.targetPort
  if (selector === undefined || target === undefined)
    throw new AppError('unavailable', 'service-missing', `there is no ${describeRef(ref)} with port ${service.port}`)
  const metadata = metadataOf(nameOf(wanted, service), namespace)
  const from = networks.map((cidr) => ({ ipBlock: { cidr } }))
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'NodePort', selector, ports: [{ protocol: 'TCP', port: service.port, targetPort: target }] },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      spec: {
        podSelector: { matchLabels: selector },
        policyTypes: ['Ingress'],
        // Without a source a rule would let everybody in.
        ingress: from.length === 0 ? [] : [{ from, ports: [{ protocol: 'TCP', port: target }] }],
      },
    },
  ]
}

function metadataOf(name: string, namespace: string): Manifest['metadata'] {
  return { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'cloudmgr' } }
}

async function linkOf(wanted: ClusterAccessInput, service: SharedService, kubernetes: Kubernetes) {
  const [ref] = refsOf(wanted, service)
  const { ports = [] } = ((ref === undefined ? undefined : await kubernetes.find(ref))?.['spec'] ?? {}) as ServiceSpec
  const node = ports[0]?.nodePort
  if (node !== undefined) return { port: service.port, node }
  throw new AppError('unavailable', 'node-port-missing', `Service ${nameOf(wanted, service)} has no node port yet`)
}

/** A node port is answered by any node, which passes it on with its own address: nodes come and go, their networks stay. */
export function networksOf(nodes: readonly Manifest[]): string[] {
  const addresses = nodes.flatMap((node) => {
    const { addresses: all = [] } = (node['status'] ?? {}) as { addresses?: { type: string; address: string }[] }
    return all.filter(({ type, address }) => type === 'InternalIP' && /^[\d.]+$/.test(address))
  })
  return [...new Set(addresses.map(({ address }) => `${address.split('.').slice(0, 3).join('.')}.0/24`))].toSorted()
}
