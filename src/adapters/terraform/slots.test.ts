import { expect, test } from 'vitest'
import { createFirstAlone, createSlots } from './slots.ts'

test('no more than the slots run at a time, in order, and a failure gives its slot back', async () => {
  const inSlot = createSlots(2)
  const begun: number[] = []
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
  const runs = gates.map(({ promise }, index) =>
    inSlot(async () => {
      begun.push(index)
      await promise
    }),
  )
  expect(begun).toEqual([0, 1])
  gates[1]?.reject(new Error('failed'))
  await expect(runs[1]).rejects.toThrow('failed')
  expect(begun).toEqual([0, 1, 2])
  for (const { resolve } of gates) resolve()
  await Promise.all([runs[0], runs[2], runs[3]])
  expect(begun).toEqual([0, 1, 2, 3])
  await inSlot(async () => void begun.push(4))
  expect(begun.at(-1)).toBe(4)
})

test('until one has succeeded nobody runs beside another', async () => {
  const alone = createFirstAlone<string>((result) => result === 'good')
  let running = 0
  let most = 0
  const work = (result: string) => async () => {
    running += 1
    most = Math.max(most, running)
    await Promise.resolve()
    running -= 1
    if (result === 'broken') throw new Error(result)
    return result
  }
  const early = [alone(work('bad')), alone(work('broken')), alone(work('good'))]
  expect((await Promise.allSettled(early)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(most).toBe(1)
  await Promise.all([alone(work('good')), alone(work('good'))])
  expect(most).toBe(2)
})
