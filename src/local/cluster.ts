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

export function checkVersion(order: ClusterOrder): void {
  if (order.kubernetesVersion.replace(/^v/, '') === kubernetesVersion) return
  const message = `kubernetesVersion ${order.kubernetesVersion} is not offered: this local cloud has ${kubernetesVersion}`
  throw new AppError('invalid', 'kubernetes-version', message, {
    details: { field: 'kubernetesVersion', value: order.kubernetesVersion },
  })
}
