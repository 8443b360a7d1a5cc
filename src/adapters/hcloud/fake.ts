import type { Hcloud, HcloudThing } from './port.ts'

export interface FakeHcloud extends Hcloud {
  readonly things: (HcloudThing & { readonly labels: Readonly<Record<string, string>> })[]
}

export function createFakeHcloud(): FakeHcloud {
  const things: FakeHcloud['things'] = []
  const has = (labels: Readonly<Record<string, string>>, term: string): boolean => {
    const [name = '', value] = term.split('=')
    return value === undefined ? name in labels : labels[name] === value
  }
  return {
    things,
    find: async (_token, selector) =>
      things.filter(({ labels }) => selector.split(',').every((term) => has(labels, term))),
    delete: async (_token, { kind, id }) => {
      const index = things.findIndex((one) => one.kind === kind && one.id === id)
      if (index >= 0) things.splice(index, 1)
    },
  }
}
