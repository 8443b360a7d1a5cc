import { expect, test } from 'vitest'
import { failure } from './buildah.ts'

const cases: { lines: string[]; step?: string; text: string; why: string }[] = [
  {
    lines: ['STEP 2/7: RUN false', 'E: no such package', 'Error: building at STEP "RUN false": exit status 1'],
    step: 'STEP 2/7: RUN false',
    text: 'building image nginx | STEP 2/7: RUN false | E: no such package',
    why: 'the step comes once, with what was said last',
  },
  {
    lines: ['one', 'two', '', 'three', 'four', 'five', 'six'],
    text: 'building image nginx | three | four | five | six',
    why: 'four lines are enough for a message',
  },
  { lines: ['x'.repeat(300)], text: `building image nginx | ${'x'.repeat(240)}…`, why: 'endless lines are cut' },
]

for (const { lines, step, text, why } of cases) {
  test(why, () => expect(failure('building image nginx', lines, step)).toBe(text))
}
