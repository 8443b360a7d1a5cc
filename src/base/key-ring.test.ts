import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { parseKeyRing } from './key-ring.ts'

const one = `k1:${randomBytes(32).toString('base64')}`
const two = `k2:${randomBytes(32).toString('base64')}`

test('what was sealed is read again', () => {
  const ring = parseKeyRing(one, 'KEYS')
  const sealed = ring.seal('ünïcode', 'api key of alice')
  expect(sealed).toMatch(/^v1\.k1\.[\w-]+\.[\w-]+$/)
  expect(ring.open(sealed, 'api key of alice')).toBe('ünïcode')
})

test('the same text is sealed differently each time', () => {
  const ring = parseKeyRing(one, 'KEYS')
  expect(ring.seal('a', 'x')).not.toBe(ring.seal('a', 'x'))
})

test('a newer key writes, the older still reads', () => {
  const old = parseKeyRing(one, 'KEYS').seal('text', 'x')
  const ring = parseKeyRing(`${two},${one}`, 'KEYS')
  expect(ring.open(old, 'x')).toBe('text')
  expect(ring.isStale(old)).toBe(true)
  expect(ring.seal('text', 'x')).toMatch(/^v1\.k2\./)
})

test('a text moved to another owner is refused', () => {
  const ring = parseKeyRing(one, 'KEYS')
  expect(() => ring.open(ring.seal('text', 'alice'), 'bob')).toThrow(
    expect.objectContaining({ code: 'sealed-text-unreadable' }),
  )
})

test('a changed text is refused', () => {
  const ring = parseKeyRing(one, 'KEYS')
  const [version, id, iv, body = ''] = ring.seal('text', 'x').split('.')
  const changed = `${version}.${id}.${iv}.${body.startsWith('A') ? 'B' : 'A'}${body.slice(1)}`
  expect(() => ring.open(changed, 'x')).toThrow(expect.objectContaining({ code: 'sealed-text-unreadable' }))
})

test('a text of a key that is gone says which key is missing', () => {
  const sealed = parseKeyRing(one, 'KEYS').seal('text', 'x')
  expect(() => parseKeyRing(two, 'KEYS').open(sealed, 'x')).toThrow(expect.objectContaining({ code: 'key-missing' }))
})

const wrong: { text: string; why: string }[] = [
  { text: '', why: 'an empty ring is refused' },
  { text: 'k1', why: 'a key without bytes is refused' },
  { text: 'k1:abcd', why: 'a short key is refused' },
  { text: `${one},${one}`, why: 'an id that is there twice is refused' },
]

for (const { text, why } of wrong) {
  test(why, () => {
    expect(() => parseKeyRing(text, 'CLOUDMGR_SETTINGS_KEYS')).toThrow(
      expect.objectContaining({ code: 'key-ring-invalid', details: { field: 'CLOUDMGR_SETTINGS_KEYS' } }),
    )
  })
}
