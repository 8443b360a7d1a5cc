import { expect, test } from 'vitest'
import { parseParamText, typedParams } from './param-text.ts'

const good: { text: string; params: Record<string, string>; why: string }[] = [
  {
    text: 'size=1,node-type=small,provider=',
    params: { size: '1', 'node-type': 'small', provider: '' },
    why: 'as the client sends it',
  },
  { text: '', params: {}, why: 'nothing' },
  { text: ' a = 1 , b=x=y ', params: { a: '1', b: 'x=y' }, why: 'blanks, and a value with an equals sign' },
]
for (const { text, params, why } of good) test(why, () => expect(parseParamText(text)).toEqual(params))

const bad: { text: string; fields: string[]; why: string }[] = [
  { text: 'label=a,b', fields: ['params'], why: 'a comma in a value' },
  { text: 'size=1,size=2', fields: ['params.size'], why: 'the same key twice' },
  { text: '=1,x,a=1,a=2', fields: ['params', 'params', 'params.a'], why: 'several mistakes at once' },
]
for (const { text, fields, why } of bad) {
  test(`refused: ${why}`, () => {
    const problems = fields.map((field) => expect.objectContaining({ field }))
    expect(() => parseParamText(text)).toThrow(expect.objectContaining({ details: { errors: problems } }))
  })
}

test('a key that JavaScript knows is a key like others', () => {
  expect(Object.keys(parseParamText('__proto__=1,constructor=2'))).toEqual(['__proto__', 'constructor'])
})

test('texts become what the schema says, and stay texts where they do not fit', () => {
  const properties = {
    size: { type: 'integer' },
    price: { type: 'number' },
    vhost: { type: 'boolean' },
    packages: { type: 'array', items: { type: 'string' } },
    label: { type: 'string' },
  }
  const texts = { size: '2', price: '0.5', vhost: 'yes', packages: 'a;b==1', label: '7', other: 'x' }
  expect(typedParams({ properties }, texts)).toEqual({
    size: 2,
    price: 0.5,
    vhost: true,
    packages: ['a', 'b==1'],
    label: '7',
    other: 'x',
  })
  expect(typedParams({ properties }, { size: 'two', vhost: 'maybe', label: '' })).toEqual({
    size: 'two',
    vhost: 'maybe',
  })
})
