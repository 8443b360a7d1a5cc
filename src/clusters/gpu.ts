import type { Taint } from './profiles.ts'

/** What pods ask for, and NVIDIA's device plugin offers. */
export const gpuResource = 'nvidia.com/gpu'

/** Keeps everything else from machines with GPUs. */
export const gpuTaint: Taint = { key: gpuResource, value: 'present', effect: 'NoSchedule' }

/** By this label the chart of the device plugin finds its nodes. */
const gpuLabels = { 'nvidia.com/gpu.present': 'true' } as const

/** As files have them, too. */
type GivenTaint = Omit<Taint, 'value'> & { readonly value?: string | undefined }

interface Marks {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly taints?: readonly GivenTaint[] | undefined
}

/** The node labels and taints of machines with so many GPUs; those that people chose themselves win. */
export function withGpuMarks<Machines extends Marks>(gpu: number | undefined, machines: Machines): Machines {
  if (gpu === undefined) return machines
  return { ...machines, labels: { ...gpuLabels, ...machines.labels }, taints: withGpuTaint(machines.taints) }
}

export function withGpuTaint(taints: readonly GivenTaint[] = []): readonly GivenTaint[] {
  return taints.some(({ key }) => key === gpuTaint.key) ? taints : [...taints, gpuTaint]
}
