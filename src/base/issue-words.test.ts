import { expect, test } from 'vitest'
import { z } from 'zod'
import { inPeoplesWords } from './issue-words.ts'

const wish = z.object({
  name: z.string().min(2, 'right is two letters').optional(),
  plan: z.string().min(1).max(5).optional(),
  phase: z.enum(['install', 'remove']).optional(),
  size: z.int().min(1).optional(),
  mail: z.email().optional(),
  until: z.iso.datetime().optional(),
  code: z
    .string()
    .regex(/^[a-z]+$/)
    .optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  must: z.string(),
})

const cases: { given: object; says: string; why: string }[] = [
  { given: { name: 'x' }, says: 'right is two letters', why: 'what the schema’s writer said wins' },
  { given: { plan: '' }, says: 'right is 1 letter at least', why: 'too short' },
  { given: { plan: 'x'.repeat(6) }, says: 'right is 5 letters at most', why: 'too long' },
  { given: { plan: 7 }, says: 'right is a text', why: 'another kind' },
  { given: { phase: 'instal' }, says: 'right is install or remove; did you mean install?', why: 'nearly a word' },
  { given: { size: 0 }, says: 'right is 1 at least', why: 'too small' },
  { given: { size: 1.5 }, says: 'right is a whole number', why: 'a part of one' },
  { given: { mail: 'x' }, says: 'right is a mail address', why: 'no address' },
  { given: { until: 'tomorrow' }, says: 'right is a time such as 2026-07-01T12:00:00Z', why: 'no time' },
  { given: { code: 'A' }, says: 'right is what matches /^[a-z]+$/', why: 'another pattern' },
  { given: { params: 'a=1' }, says: 'right is names with values', why: 'a text instead of parameters' },
  { given: { must: undefined }, says: 'is missing; right is a text', why: 'nothing' },
]
for (const { given, says, why } of cases) {
  test(why, () => {
    const { error } = wish.safeParse({ must: 'x', ...given })
    const [issue] = error?.issues ?? []
    const value = (given as Record<string, unknown>)[String(issue?.path[0])]
    expect(issue === undefined ? 'fine' : inPeoplesWords(issue, value)).toBe(says)
  })
}
