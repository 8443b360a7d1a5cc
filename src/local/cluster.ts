import { isIP } from 'node:net'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import type { ControlPorts } from './addresses.ts'

export const kubernetesVersion = '1.37.2'

const port = z.int().min(1).max(65_535)
const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'is not 1 to 40 lower-case letters, digits or "-"')

const address = z.string().refine((text) => isIP(text) !== 0, 'is not an IP address')

/** What one orders. */
export const clusterOrder = z.strictObject({
  kubernetesVersion: z.string().default(kubernetesVersion),
  domain: z
    .string()
    .regex(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+$/, 'is not a domain such as omega.localhost'),
  /** Ports of the host and the node ports they lead to: on the loopback, or on the address that is given. */
  ports: z
    .array(z.strictObject({ host: port, node: port, address: address.optional() }))
    .nullish()
    .transform((all) => all ?? []),
  /** Volumes that every machine sees below /mnt/volumes. */
  volumes: z
    .array(name)
    .nullish()
    .transform((all) => all ?? []),
  /** Ports of the cluster's own address (`dns`) that lead to node ports of the first cluster, for clusters beside it. */
  links: z
    .array(z.strictObject({ port, node: port }))
    .nullish()
    .transform((all) => all ?? []),
  /** The Service that the domain and every name below it lead to inside the cluster. */
  ingress: z
    .string()
    .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'is not <service>.<namespace>')
    .default('ingress.omegaml-services'),
})

/** A program that runs on the host as long as a simulated cluster does: its machines run none. */
export const processOrder = z.strictObject({
  command: z.array(z.string().min(1)).min(1),
  /** When it changes, the program is started anew. */
  version: z.string().default(''),
})

export type ProcessOrder = z.infer<typeof processOrder>

export type ClusterOrder = z.infer<typeof clusterOrder>

/** What is kept of a cluster. */
export interface ClusterRecord extends ClusterOrder {
  readonly name: string
  readonly registryPort: number
  /** Left out in records of before: the operator's. */
  readonly orderedBy?: 'operator' | 'service'
  /** What the gateway's callers show. */
  readonly gatewayToken: string
  /** Of a simulated one: where its control plane listens on the loopback. */
  readonly controlPorts?: ControlPorts
  /** Programs of the operator's own that are kept running beside it, by name. */
  readonly processes?: Readonly<Record<string, ProcessOrder>>
  readonly removing?: boolean
}

export type ClusterState = 'creating' | 'ready' | 'failed' | 'removing'

export function checkClusterName(text: string): string {
  const result = name.safeParse(text)
  if (result.success) return text
  throw new AppError(
    'invalid',
    'cluster-name',
    `cluster name "${text}" is not usable: 1 to 40 lower-case letters, digits or "-"`,
  )
}

/** What a newer Kubernetes wrote an older one may misread: it is not started on it. */
export function checkRecordedVersion({ name: cluster, kubernetesVersion: made }: ClusterRecord): void {
  if (minorOf(made) <= minorOf(kubernetesVersion)) return
  throw new AppError(
    'conflict',
    'kubernetes-older',
    `cluster ${cluster} ran with Kubernetes ${made}, and this local cloud has ${kubernetesVersion}, which can't go on with what a newer one wrote: use the newer cloudmgr, at least for ./cloudmgr down; after that this one can make the cluster anew on the same volumes`,
    { details: { field: 'kubernetesVersion', value: made } },
  )
}

/** Patch versions read each other. */
function minorOf(version: string): number {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major * 1_000 + minor
}

export function checkVersion(order: ClusterOrder): void {
  if (order.kubernetesVersion.replace(/^v/, '') === kubernetesVersion) return
  const message = `kubernetesVersion ${order.kubernetesVersion} is not offered: this local cloud has ${kubernetesVersion}. Another version comes with another local cloud: stop this one (./cloudmgr down), then start that (./cloudmgr up); volumes are kept`
  throw new AppError('invalid', 'kubernetes-version', message, {
    details: { field: 'kubernetesVersion', value: order.kubernetesVersion },
  })
}
