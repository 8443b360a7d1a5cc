import { expect, test } from 'vitest'
import type { Disk, KubeletAddress, Kubelets } from './port.ts'

export interface KubeletParts {
  readonly kubelets: Kubelets
  /** The kubelet that answers as `says` wants it. */
  readonly kubelet: KubeletAddress
  /** Where nobody listens. */
  readonly nowhere: KubeletAddress
  /** What the kubelet answers from now on. */
  says(answer: Disk | 'nothing' | 'refused'): void
}

/** What every implementation keeps. */
export function kubeletContract(parts: () => KubeletParts): void {
  const disk = { capacityBytes: 1e11, availableBytes: 25e9 }

  test('a disk is told as its kubelet tells it, each time anew', async () => {
    const { kubelets, kubelet, says } = parts()
    says(disk)
    expect(await kubelets.disk(kubelet)).toEqual(disk)
    says({ ...disk, availableBytes: 0 })
    expect(await kubelets.disk(kubelet)).toEqual({ ...disk, availableBytes: 0 })
  })

  test('a kubelet that says nothing of a disk has none', async () => {
    const { kubelets, kubelet, says } = parts()
    says('nothing')
    expect(await kubelets.disk(kubelet)).toBeUndefined()
  })

  test('who may not ask is told so, and nobody there is unavailable', async () => {
    const { kubelets, kubelet, nowhere, says } = parts()
    says('refused')
    await expect(kubelets.disk(kubelet)).rejects.toMatchObject({ kind: 'forbidden', code: 'kubelet-forbidden' })
    await expect(kubelets.disk(nowhere)).rejects.toMatchObject({ kind: 'unavailable', code: 'kubelet-unreachable' })
  })
}
