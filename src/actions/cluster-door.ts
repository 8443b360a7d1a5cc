import type { Kubernetes, Manifest, ObjectRef } from '../adapters/kubernetes/port.ts'
import { describeRef, refOf } from '../adapters/kubernetes/port.ts'
import { endOf } from '../base/certificate.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import {
  areEnding,
  type DoorCredentials,
  doorCredentials,
  type DoorTarget,
  farDoorObjects,
  makeDoorCredentials,
  siteDoorName,
  siteDoorObjects,
} from '../clusters/cluster-door.ts'
import type { ClusterInside, ClusterLink, ClusterMaker, ClusterOrder } from '../clusters/cluster-maker.ts'
import { type ClusterKeys, clusterNotes, findNotes, keepNotes, remakeCluster } from '../clusters/cluster-rows.ts'
import { type SharedService, sharedServices } from '../clusters/place.ts'
import type { Db } from '../db/database.ts'
import type { Action, ActionContext } from './action.ts'
import type { ClusterAccessInput } from './cluster-access.ts'
import { targetOf } from './service-target.ts'
import { waitUntil } from './wait-until.ts'

/** Where a cluster's certificates are kept: sealed, among its notes. */
export interface DoorNotes {
  readonly db: Db
  readonly keys: ClusterKeys
}

export interface SiteDoorParts {
  readonly clusters: DoorNotes
  readonly clock: Clock
  /** Refuses what can't be had, then takes the cluster's name. */
  readonly begin: (wanted: ClusterAccessInput) => Promise<void>
}

/** How long a cloud may take for a load balancer. */
const ADDRESS_MS = 300_000

/** The way to the site's services by a door with an address of the cloud, for a cluster that shows its certificate. */
export function siteDoor(
  kubernetes: Kubernetes,
  { clusters, clock, begin }: SiteDoorParts,
): Pick<Action<ClusterAccessInput>, 'observe' | 'ensure'> {
  return {
    observe: async (wanted) => {
      const found = await Promise.all(doorRefs(wanted).map(async (ref) => await kubernetes.find(ref)))
      if (found.every((one) => one === undefined)) return { state: 'absent' }
      const different = { state: 'different', detail: `the door for cluster ${wanted.name} is not as wanted` } as const
      const credentials = await findCredentials(clusters, wanted.name)
      if (credentials === undefined) return different
      if (areEnding(credentials, new Date(clock.now())))
        return { state: 'different', detail: `${endsOf(credentials)}: order the cluster again, and they are new` }
      const objects = await objectsOf(wanted, kubernetes, credentials)
      const states = await Promise.all(objects.map(async (one) => await kubernetes.compare(one)))
      return states.every((state) => state === 'present') ? { state: 'present' } : different
    },
    ensure: async (wanted, context) => {
      await begin(wanted)
      // After `down` and `up` a row may be left of a cluster that went with the site.
      const [service] = doorRefs(wanted)
      if (service !== undefined && (await kubernetes.find(service)) === undefined)
        await remakeCluster(clusters.db, wanted.name, clock.now())
      const credentials = await ensureCredentials(clusters, wanted.name, new Date(clock.now()))
      context.output(endsOf(credentials))
      const done: string[] = []
      for (const object of await objectsOf(wanted, kubernetes, credentials)) {
        context.signal.throwIfAborted()
        if ((await kubernetes.apply(object)) === 'unchanged') continue
        done.push(describeRef(refOf(object)))
        context.output(`applied ${describeRef(refOf(object))}`)
      }
      const address = await addressOf(wanted, kubernetes, clock, context)
      const links = sharedServices(wanted).map(({ port }): ClusterLink => ({ port, node: port, address }))
      const message = done.length === 0 ? 'already as wanted' : `applied ${done.join(', ')}`
      return { changed: done.length > 0, message, outputs: { links } }
    },
  }
}

/** The other side of it. */
export function farDoor(notes: DoorNotes): NonNullable<ClusterMaker['ways']> {
  return async (order: ClusterOrder, inside: ClusterInside): Promise<readonly Manifest[]> => {
    const credentials = await findCredentials(notes, order.name)
    const address = order.links.find((link) => link.address !== undefined)?.address
    if (credentials === undefined || address === undefined)
      throw new AppError('unavailable', 'door-missing', `the site has no door for cluster ${order.name} yet`)
    return farDoorObjects(inside, address, credentials)
  }
}

/** Everything of it in the site's cluster, what lets people in first. */
export function doorRefs(wanted: ClusterAccessInput): (ObjectRef & { namespace: string })[] {
  const { namespace } = wanted
  const name = siteDoorName(wanted.name)
  const policies = [name, ...sharedServices(wanted).map((service) => `${name}-${service.name}`)]
  return [
    { apiVersion: 'v1', kind: 'Service', name, namespace },
    { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace },
    ...policies.map((policy) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      name: policy,
      namespace,
    })),
    { apiVersion: 'v1', kind: 'Secret', name, namespace },
  ]
}

async function objectsOf(
  wanted: ClusterAccessInput,
  kubernetes: Kubernetes,
  credentials: DoorCredentials,
): Promise<Manifest[]> {
  const { name, namespace, image, pullSecrets } = wanted
  const services = sharedServices(wanted)
  const targets = await Promise.all(
    services.map(
      async (service: SharedService): Promise<DoorTarget> => ({
        service,
        ...(await targetOf(namespace, service, kubernetes)),
      }),
    ),
  )
  return siteDoorObjects(name, { namespace, services, image, pullSecrets }, targets, credentials)
}

async function findCredentials({ db, keys }: DoorNotes, name: string): Promise<DoorCredentials | undefined> {
  const notes = await findNotes(db, keys, name)
  return notes?.['door'] === undefined ? undefined : doorCredentials.parse(notes['door'])
}

/** Made anew in the year before they end: an order renews them, in both clusters. */
async function ensureCredentials({ db, keys }: DoorNotes, name: string, now: Date): Promise<DoorCredentials> {
  const make = async () => ({ door: await makeDoorCredentials(name, now) })
  const kept = doorCredentials.parse((await clusterNotes(db, keys, name, make))['door'])
  if (!areEnding(kept, now)) return kept
  const others = await make()
  await keepNotes(db, keys, name, others)
  return others.door
}

function endsOf({ server }: DoorCredentials): string {
  return `the door's certificates end on ${endOf(server.cert).toISOString().slice(0, 10)}`
}

async function addressOf(
  { name, namespace }: ClusterAccessInput,
  kubernetes: Kubernetes,
  clock: Clock,
  context: ActionContext,
): Promise<string> {
  const ref = { apiVersion: 'v1', kind: 'Service', name: siteDoorName(name), namespace }
  let address: string | undefined
  const check = async () => {
    address = addressIn(await kubernetes.find(ref))
    const reason = 'the cloud has given it no address yet'
    return { state: address === undefined ? ('waiting' as const) : ('ready' as const), reason }
  }
  try {
    await waitUntil(
      { what: `the load balancer ${namespace}/${ref.name}`, timeoutMs: ADDRESS_MS, check },
      clock,
      context,
    )
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== 'not-ready-in-time') throw cause
    const text = `${describeRef(ref)} has no address after ${ADDRESS_MS / 60_000} minutes: the site's cluster needs a cloud controller that makes load balancers (cloudProvider and its manifest), or something like MetalLB; then order the cluster again`
    throw new AppError('conflict', 'door-without-address', text, { cause })
  }
  return address as unknown as string
}

function addressIn(service: Manifest | undefined): string | undefined {
  const { loadBalancer } = (service?.['status'] ?? {}) as {
    loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] }
  }
  const [first] = loadBalancer?.ingress ?? []
  return first?.ip ?? first?.hostname
}
