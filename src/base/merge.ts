export type Tree = Readonly<Record<string, unknown>>

/** As Helm merges values: key by key where both are objects, else the later one wins, also with `null`. */
export function mergeTrees(below: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...below }
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(below, key) ? below[key] : undefined
    merged[key] = isTree(before) && isTree(value) ? mergeTrees(before, value) : value
  }
  return merged
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at `a.b.c`; `undefined` where there is none. */
export function treeAt(tree: Tree, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inside, part) => (isTree(inside) && Object.hasOwn(inside, part) ? inside[part] : undefined), tree)
}
