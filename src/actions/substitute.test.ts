import { expect, test } from 'vitest'
import { substitute } from './substitute.ts'

const values = { a: { b: 'text', n: 3, list: [1] }, sly: '${a.b}' }

const cases: { given: unknown; expected: unknown; why: string }[] = [
  { given: '${a.n}', expected: 3, why: 'a whole placeholder keeps its type' },
  { given: { x: ['${a.list}'] }, expected: { x: [[1]] }, why: 'structures are walked' },
  { given: 'om-${a.b}-${a.n}', expected: 'om-text-3', why: 'placeholders inside of text become text' },
  { given: { '${a.b}': 1 }, expected: { text: 1 }, why: 'keys hold placeholders too' },
  { given: '${sly}', expected: '${a.b}', why: 'values are not read again' },
  { given: '$HOME $(id) {{ x }}', expected: '$HOME $(id) {{ x }}', why: 'nothing else is special' },
]
for (const { given, expected, why } of cases) {
  test(why, () => expect(substitute(given, values, 'file')).toEqual(expected))
}

test('an unknown placeholder, inherited names and a list inside of text are refused', () => {
  for (const given of ['${a.c}', '${a.constructor}', '${toString}']) {
    expect(() => substitute(given, values, 'file')).toThrow(/nothing is known/)
  }
  expect(() => substitute('x-${a.list}', values, 'file')).toThrow(/no text/)
})
