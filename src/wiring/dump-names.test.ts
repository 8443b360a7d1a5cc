import { expect, test } from 'vitest'
import { chooseDump, dumpName, isDump, outdated, partName } from './dump-names.ts'

const days = ['2030-01-01T02-17-00Z', '2030-01-02T02-17-00Z', '2030-01-03T02-17-00Z']
const names = ['lost+found', days[2], partName('backup-1'), days[0], days[1]].map(String)

test('a dump is named by its time, and nothing else is taken for one', () => {
  expect(dumpName(new Date(Date.UTC(2030, 0, 1, 2, 17)))).toBe(days[0])
  expect(names.filter(isDump)).toHaveLength(3)
})

test('the oldest go beyond what is kept, and never what is no dump', () => {
  expect(outdated(names, 2)).toEqual([days[0]])
  expect(outdated(names, 3)).toEqual([])
})

test('the newest is chosen, or the one that is named; an unknown one is told with those that are there', () => {
  expect(chooseDump(names, 'newest')).toBe(days[2])
  expect(chooseDump(names, String(days[1]))).toBe(days[1])
  expect(() => chooseDump(names, '2030-01-09T02-17-00Z')).toThrow(/does not exist; there are 2030-01-01T02-17-00Z, /)
  expect(() => chooseDump([], 'newest')).toThrow(/there is none/)
  expect(() => chooseDump(names, '../etc')).toThrow(/does not exist/)
})
