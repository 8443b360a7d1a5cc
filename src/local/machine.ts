import { z } from 'zod'
import { AppError } from '../base/errors.ts'

const label = z
  .string()
  .regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, 'is not a name of a label')
const value = z.string().regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, 'is not a value of a label')

const orderFields = z.strictObject({
  cores: z.number().min(0.5).max(1024),
  memoryGb: z.number().min(0.5).max(65_536),
  role: value.default(''),
  labels: z
    .record(label, value)
    .nullish()
    .transform((labels) => labels ?? {}),
  taints: z
    .array(
      z.strictObject({
        key: label,
        value: value.default(''),
        effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
      }),
    )
    .nullish()
    .transform((taints) => taints ?? []),
  simulated: z.boolean().default(false),
  /** GPUs that its node says it has. */
  gpu: z.int().min(0).max(16).optional(),
})

/** What one orders. */
export const machineOrder = orderFields.refine(({ gpu = 0, simulated }) => gpu === 0 || simulated, {
  path: ['gpu'],
  message: 'only simulated machines can say that they have GPUs: leave it out, or order one with simulated true',
})

export type MachineOrder = z.infer<typeof machineOrder>

/** What is kept of a machine. */
export interface MachineRecord extends MachineOrder {
  readonly name: string
  /** Last part of its address; 0 for a simulated one, which has none. */
  readonly number: number
  /** Who ordered it: the gateway's callers may touch only their own. */
  readonly orderedBy: 'operator' | 'service'
  readonly removing?: boolean
  /** What it runs; older than the cluster's until its turn in an upgrade comes. */
  readonly kubernetesVersion: string
  /** There as long as it is being upgraded. */
  readonly upgrade?: MachineUpgrade
}

/** What must be undone when the upgrade of a machine is over, however often it was begun. */
export interface MachineUpgrade {
  /** Nobody else had kept new pods from it. */
  readonly cordoned: boolean
}

export type MachineState = 'creating' | 'ready' | 'failed' | 'removing'

/** A real machine's name is also its host name and its cgroup. */
export function checkMachineName(name: string): string {
  if (/^[a-z][a-z0-9-]{0,38}[a-z0-9]$/.test(name)) return name
  const right = '2 to 40 lower-case letters, digits or "-", starting with a letter, for example "worker-1"'
  throw new AppError('invalid', 'machine-name', `machine name "${name}" is not usable: ${right}`, {
    details: { field: 'name', value: name },
  })
}

/** One machine alone must fit the host; several together may promise more than there is. */
export function checkSize(order: MachineOrder, hostMemoryGb: number): void {
  const most = Math.ceil(hostMemoryGb)
  if (order.simulated || order.memoryGb <= most) return
  throw new AppError('invalid', 'memory', `memoryGb ${order.memoryGb} is more than this host has: at most ${most}`, {
    details: { field: 'memoryGb', value: order.memoryGb, max: most },
  })
}

/** Labels that a node carries from its first moment. */
export function nodeLabels(record: MachineOrder): Record<string, string> {
  return {
    ...(record.role === '' ? {} : { 'omegaml.io/role': record.role }),
    ...(record.simulated ? { type: 'kwok', 'localcloud/simulated': 'true' } : {}),
    ...record.labels,
  }
}

/** A node may give itself any label but Kubernetes' own (admission plugin NodeRestriction): the others are set for it. */
export function labelsOfItsOwn(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !/(^|\.)(kubernetes|k8s)\.io\//.test(key)))
}

/** What the kubelet must keep back from a host of this size, so that the machine offers what was ordered. */
export function reserved(
  order: { cores: number; memoryGb: number },
  host: { cores: number; memoryKb: number },
): { cpu: string; memory: string; evictKb: number } {
  const evictKb = 100 * 1024
  const memoryKb = Math.max(0, host.memoryKb - order.memoryGb * 2 ** 20 - evictKb)
  const milliCores = Math.max(0, (host.cores - order.cores) * 1000)
  return { cpu: `${Math.round(milliCores)}m`, memory: `${Math.round(memoryKb)}Ki`, evictKb }
}

/** The field that can't be changed on a living machine, if the new order differs there. */
export function replaceNeeded(before: MachineOrder, after: MachineOrder): keyof MachineOrder | undefined {
  if (before.simulated !== after.simulated) return 'simulated'
  return (before.gpu ?? 0) === (after.gpu ?? 0) ? undefined : 'gpu'
}

export function sameOrder(a: MachineOrder, b: MachineOrder): boolean {
  const plain = ({ cores, memoryGb, role, labels, taints, simulated, gpu = 0 }: MachineOrder): string =>
    JSON.stringify([
      cores,
      memoryGb,
      role,
      Object.entries(labels)
        .map(([key, text]) => `${key}=${text}`)
        .toSorted(),
      taints.map(({ key, value: v, effect }) => [key, v, effect]),
      simulated,
      gpu,
    ])
  return plain(a) === plain(b)
}
