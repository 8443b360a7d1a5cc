import { expect, test } from 'vitest'
import { parseKeyRing } from './key-ring.ts'
import { isProof, proofFor } from './proof.ts'

const keys = parseKeyRing(`k1:${Buffer.alloc(32, 1).toString('base64')}`, 'the test')
const others = parseKeyRing(`k1:${Buffer.alloc(32, 2).toString('base64')}`, 'the test')
const minute = 60_000
const good = proofFor(keys, 'wake', 0)

const cases: { text: string; now: number; is: boolean; why: string }[] = [
  { text: good, now: 4 * minute, is: true, why: 'whoever has the ring' },
  { text: good, now: -4 * minute, is: true, why: 'whose clock is ahead' },
  { text: good, now: 6 * minute, is: false, why: 'a proof of earlier' },
  { text: proofFor(others, 'wake', 0), now: 0, is: false, why: 'another ring' },
  { text: proofFor(keys, 'something else', 0), now: 0, is: false, why: 'another purpose' },
  { text: keys.seal('soon', 'wake'), now: 0, is: false, why: 'no time at all' },
  { text: 'v1.k1.x.y', now: 0, is: false, why: 'a made-up text' },
  { text: '', now: 0, is: false, why: 'nothing' },
]
for (const { text, now, is, why } of cases)
  test(`${is ? 'believed' : 'not believed'}: ${why}`, () => expect(isProof(text, keys, 'wake', now)).toBe(is))
