import { expect, test } from 'vitest'
import { Recent } from './recent.ts'

test('what was made is made once, until so much else was asked for that it is forgotten', () => {
  const made: string[] = []
  const recent = new Recent<string>(2)
  const ask = (key: string) =>
    recent.get(key, () => {
      made.push(key)
      return `of ${key}`
    })
  expect(['a', 'b', 'a', 'c', 'a', 'b'].map(ask)).toEqual(['of a', 'of b', 'of a', 'of c', 'of a', 'of b'])
  expect(made).toEqual(['a', 'b', 'c', 'b'])
})
