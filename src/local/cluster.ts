import { isIP } from 'node:net'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { localVersions, plain, refusedStep, usualLocalVersion, versionStep } from '../base/kubernetes-version.ts'
import type { ControlPorts } from './addresses.ts'

const port = z.int().min(1).max(65_535)
const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'is not 1 to 40 lower-case letters, digits or "-"')

const address = z.string().refine((text) => isIP(text) !== 0, 'is not an IP address')

/** What one orders. */
export const clusterOrder = z.strictObject({
  kubernetesVersion: z.string().default(usualLocalVersion),
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

/** `upgrading`: it serves, and goes over to another version of Kubernetes. */
export type ClusterState = 'creating' | 'ready' | 'upgrading' | 'failed' | 'removing'

export function checkClusterName(text: string): string {
  const result = name.safeParse(text)
  if (result.success) return text
  throw new AppError(
    'invalid',
    'cluster-name',
    `cluster name "${text}" is not usable: 1 to 40 lower-case letters, digits or "-"`,
  )
}

/** What goes on with what a version wrote: itself, else another patch of it, else the next minor version, if there is one here. */
export function versionFor(made: string, cluster: string): string {
  if (localVersions.some((one) => versionStep(made, one) === 'same')) return made
  for (const step of ['patch', 'minor'] as const) {
    const found = localVersions.find((one) => versionStep(made, one) === step)
    if (found !== undefined) return found
  }
  throw new AppError(
    'conflict',
    'kubernetes-version',
    `cluster ${cluster} ran with Kubernetes ${made}, and this local cloud has ${localVersions.join(', ')}, which can't go on with what that one wrote: use the cloudmgr that has it, at least for ./cloudmgr down; after that this one can make the cluster anew on the same volumes`,
    { details: { field: 'kubernetesVersion', value: made } },
  )
}

export function checkVersion(order: ClusterOrder): void {
  const offered: readonly string[] = localVersions
  if (offered.includes(plain(order.kubernetesVersion))) return
  throw refused(
    'invalid',
    order,
    `kubernetesVersion ${order.kubernetesVersion} is not offered: this local cloud has ${offered.join(', ')}`,
  )
}

/** From the oldest that is still somewhere in the cluster: an upgrade that is under way ends before the next. */
export function checkUpgrade(running: readonly string[], order: ClusterOrder): void {
  for (const from of running) {
    const why = refusedStep(from, order.kubernetesVersion, wayBack)
    if (why !== undefined) throw refused('conflict', order, why)
  }
}

const wayBack =
  'The way back is ./cloudmgr down, then ./cloudmgr up with the older version: the cluster is made anew, volumes stay with their data'

function refused(kind: 'invalid' | 'conflict', { kubernetesVersion }: ClusterOrder, message: string): AppError {
  return new AppError(kind, 'kubernetes-version', message, {
    details: { field: 'kubernetesVersion', value: kubernetesVersion },
  })
}
