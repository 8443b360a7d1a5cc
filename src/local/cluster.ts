import { z } from 'zod'
import { AppError } from '../base/errors.ts'

export const kubernetesVersion = '1.37.2'

const port = z.int().min(1).max(65_535)
const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'is not 1 to 40 lower-case letters, digits or "-"')

/** What one orders. */
export const clusterOrder = z.strictObject({
  kubernetesVersion: z.string().default(kubernetesVersion),
  domain: z
    .string()
    .regex(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+$/, 'is not a domain such as omega.localhost'),
  /** Ports of the host's loopback and the node ports they lead to. */
  ports: z
    .array(z.strictObject({ host: port, node: port }))
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

export type ClusterOrder = z.infer<typeof clusterOrder>

/** What is kept of a cluster. */
export interface ClusterRecord extends ClusterOrder {
  readonly name: string
  readonly registryPort: number
  /** Left out in records of before: the operator's. */
  readonly orderedBy?: 'operator' | 'service'
  /** What the gateway's callers show. */
  readonly gatewayToken: string
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
