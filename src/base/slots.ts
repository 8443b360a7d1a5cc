/** Runs work at most so many at a time; the others wait in the order they came. */
export function createSlots(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = most
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free -= 1
    else await new Promise<void>((turn) => waiting.push(turn))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      // The slot goes on to whoever is next without being free in between.
      if (next === undefined) free += 1
      else next()
    }
  }
}
