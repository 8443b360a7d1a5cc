import { AppError } from '../../base/errors.ts'
import type { Disk, KubeletAddress, Kubelets } from './port.ts'

export interface FakeKubelets extends Kubelets {
  /** What the kubelet at this address says from now on: figures, nothing about its disk, or an error. */
  answer(address: string, disk: Disk | AppError | undefined): void
  /** Who was asked, in order. */
  readonly asked: readonly KubeletAddress[]
}

/** Kubelets in memory: where nothing was set, nobody answers. */
export function createFakeKubelets(): FakeKubelets {
  const answers = new Map<string, Disk | AppError | undefined>()
  const asked: KubeletAddress[] = []
  return {
    asked,
    answer: (address, disk) => void answers.set(address, disk),
    disk: async (kubelet) => {
      asked.push(kubelet)
      if (!answers.has(kubelet.address)) {
        const attempted = `asking the kubelet at ${kubelet.address}:${kubelet.port} for its figures`
        throw new AppError('unavailable', 'kubelet-unreachable', attempted)
      }
      const said = answers.get(kubelet.address)
      if (said instanceof AppError) throw said
      return said
    },
  }
}
