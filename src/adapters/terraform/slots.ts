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

/** Runs work one after the other until one has succeeded; whatever comes from then on runs at once. */
export function createFirstAlone<T>(hasSucceeded: (result: T) => boolean): (work: () => Promise<T>) => Promise<T> {
  let isOpen = false
  let last: Promise<unknown> = Promise.resolve()
  return async (work) => {
    if (isOpen) return await work()
    const mine = last.then(async () => {
      const result = await work()
      isOpen ||= hasSucceeded(result)
      return result
    })
    last = mine.catch(() => {
      // Told to whoever asked for it; the next one is alone, too.
    })
    return await mine
  }
}
