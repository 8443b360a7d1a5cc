import type { Part } from './parts.ts'

export interface Size {
  readonly cores: number
  readonly memoryGb: number
}

/** What a machine needs for itself (kubelet, containerd, kube-proxy) and for the start of pods. */
export const ownNeeds: Size = { cores: 0.1, memoryGb: 0.5 }

/** The parts that find no room on these machines: the large ones are placed first. */
export function withoutRoom(parts: readonly Part[], machines: readonly Size[]): Part[] {
  const room = machines.map(({ cores, memoryGb }) => ({
    cores: cores - ownNeeds.cores,
    memoryGb: memoryGb - ownNeeds.memoryGb,
  }))
  const left: Part[] = []
  for (const part of parts.toSorted((one, other) => other.memoryGb - one.memoryGb || other.cores - one.cores)) {
    const machine = room.find((one) => one.cores >= part.cores && one.memoryGb >= part.memoryGb)
    if (machine === undefined) left.push(part)
    else {
      machine.cores -= part.cores
      machine.memoryGb -= part.memoryGb
    }
  }
  return left
}

const step = 0.5

/** The smallest machine, in halves of a core and of a GB, of which `count` carry all parts. */
export function smallestMachine(parts: readonly Part[], count: number): Size {
  const fits = (size: Size) =>
    withoutRoom(
      parts,
      Array.from({ length: count }, () => size),
    ).length === 0
  const plenty = 4096
  const grow = (make: (amount: number) => Size): Size => {
    let amount = step
    while (!fits(make(amount)) && amount < plenty) amount += step
    return make(amount)
  }
  const { cores } = grow((amount) => ({ cores: amount, memoryGb: plenty }))
  return grow((memoryGb) => ({ cores, memoryGb }))
}

/** The smallest of the named sizes that carries all parts, of which there are `count`. */
export function smallestType(
  parts: readonly Part[],
  count: number,
  types: Readonly<Record<string, Size>>,
): string | undefined {
  const fitting = Object.entries(types).filter(
    ([, size]) =>
      withoutRoom(
        parts,
        Array.from({ length: count }, () => size),
      ).length === 0,
  )
  return fitting.toSorted(([, one], [, other]) => one.memoryGb - other.memoryGb || one.cores - other.cores)[0]?.[0]
}
