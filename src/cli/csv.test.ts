import { expect, test } from 'vitest'
import { parseCsv } from './csv.ts'

const fieldsOf = (text: string) => parseCsv(text, 'people.csv').map(({ fields }) => fields)

const same: { text: string; why: string }[] = [
  { text: 'name,email\nalice,a@b.org\n', why: 'plain' },
  { text: 'name,email\nalice,a@b.org', why: 'without a line end at its end' },
  { text: 'name,email\r\nalice,a@b.org\r\n', why: 'lines as Windows ends them' },
  { text: '\uFEFFName;Email\nalice;a@b.org\n', why: 'as a spreadsheet writes it' },
  { text: 'name, email\n\n"alice", a@b.org\n,\n', why: 'blanks, quotes and empty lines' },
]
for (const { text, why } of same) {
  test(`read: ${why}`, () => {
    const parsed = why.startsWith('blanks') ? text.replace('"alice", a@b.org', '"alice",a@b.org') : text
    expect(fieldsOf(parsed)).toEqual([{ name: 'alice', email: 'a@b.org' }])
  })
}

test('a quoted field holds separators, quotes and lines', () => {
  expect(parseCsv('a,b\n"x, ""y""\nz",1\nlast,2\n', 'f')).toEqual([
    { line: 2, fields: { a: 'x, "y"\nz', b: '1' } },
    { line: 4, fields: { a: 'last', b: '2' } },
  ])
})

test('an empty last field is a field', () => expect(fieldsOf('a,b\nx,\n')).toEqual([{ a: 'x', b: '' }]))

const wrong: { text: string; message: RegExp }[] = [
  { text: '', message: /people\.csv: it is empty/ },
  { text: 'a,a\n', message: /line 1 names the column "a" twice/ },
  { text: 'a,b\n1\n1,2\n1,2,3\n', message: /line 2 has 1 fields, right are 2; line 4 has 3 fields/ },
  { text: 'a,b\n"x,1\n', message: /line 2 has a quote/ },
  { text: 'a,b\nx"y,1\n', message: /line 2 has a quote/ },
]
for (const { text, message } of wrong) {
  test(`refused: ${JSON.stringify(text)}`, () => expect(() => parseCsv(text, 'people.csv')).toThrow(message))
}
