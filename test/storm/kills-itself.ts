import type { Fate } from './engine-process.ts'

/** The adapters, at one of whose calls this process is killed with its programs, before or after what that does. */
export function killsItself<Adapters extends object>(adapters: Adapters, fate: Fate | undefined): Adapters {
  let calls = 0
  const wrap =
    (call: (...given: unknown[]) => unknown) =>
    async (...given: unknown[]): Promise<unknown> => {
      const isFate = ++calls === fate?.call
      if (isFate && fate?.effect === 'before') die()
      const result = await call(...given)
      if (isFate) die()
      return result
    }
  const wrapped = (adapter: object): object =>
    Object.fromEntries(
      Object.entries(adapter).map(([name, one]) => [
        name,
        typeof one === 'function' ? wrap(one as () => unknown) : one,
      ]),
    )
  return Object.fromEntries(Object.entries(adapters).map(([name, one]) => [name, wrapped(one as object)])) as Adapters
}

/** The whole group, as when a node loses power: no program goes on alone. */
function die(): void {
  process.kill(-process.pid, 'SIGKILL')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
