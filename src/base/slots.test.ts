import { expect, test } from 'vitest'
import { createSlots } from './slots.ts'

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
