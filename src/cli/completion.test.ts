import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { completionScript, completionSuite } from './completion-suite.ts'
import { createFakeOutside } from './fake-outside.ts'
import { runCli } from './program.ts'

completionSuite('bash')

test('another shell is refused, and no word does without its description', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-completion-'))
  const outside = createFakeOutside(folder)
  expect(await runCli(['completion', 'fish'], outside.io)).toBe(2)
  rmSync(folder, { recursive: true, force: true })
  const told = [...(await completionScript('zsh')).matchAll(/'([^':]+):'/g)].map(([, word]) => word)
  expect(told.filter((word) => word !== 'bash' && word !== 'zsh')).toEqual([])
})

const mistyped: { words: string[]; meant: string }[] = [
  { words: ['acount', 'list'], meant: 'account' },
  { words: ['account', 'lst'], meant: 'list' },
  { words: ['account', 'list', '--jsn'], meant: '--json' },
  { words: ['order', 'add', 'runtime', '--previev'], meant: '--preview' },
]
for (const { words, meant } of mistyped) {
  test(`${words.join(' ')}: did you mean ${meant}?`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-completion-'))
    const outside = createFakeOutside(folder)
    expect(await runCli(words, outside.io)).toBe(2)
    expect(outside.printed().err).toContain(`(Did you mean ${meant}?)`)
    rmSync(folder, { recursive: true, force: true })
  })
}
