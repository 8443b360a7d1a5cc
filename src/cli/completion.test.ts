import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
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

test('names for the shell: what the service tells, and silence where it tells nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-completion-'))
  const outside = createFakeOutside(folder)
  const names = async (kind: string, ...more: string[]) => {
    expect(await runCli(['names', kind, ...more], outside.io)).toBe(0)
    const { out, err } = outside.printed()
    expect(err).toBe('')
    return out.split('\n').filter((line) => line !== '')
  }
  const elsewhere = ['--url', 'http://hub.example.org', '--userid', 'alice']
  vi.stubEnv('HOME', folder)
  vi.stubEnv('XDG_CONFIG_HOME', folder)
  vi.stubEnv('CLOUDMGR_APIKEY', 'alicekey')
  try {
    // Not signed in there, or the service is away: the catalogue's plans, no accounts.
    expect(await names('plans', ...elsewhere)).toEqual(expect.arrayContaining(['runtime', 'signup']))
    expect(await names('plans', ...elsewhere)).not.toContain('comparison')
    expect(await names('accounts', '--state', join(folder, 'none'))).toEqual([])

    outside.accounts.set('alice', { userid: 'alice', status: 'active', apikey: 'alicekey' })
    // Who may not list accounts has a name all the same.
    expect(await names('accounts', ...elsewhere)).toEqual(['alice'])
    outside.answerCall = ({ path }) =>
      path === '/api/v2/plans'
        ? { plans: [{ plan: 'runtime' }] }
        : { accounts: [{ userid: 'alice' }, { userid: 'bob-2' }, { userid: '$(reboot)' }] }
    expect(await names('plans', ...elsewhere)).toEqual(['runtime'])
    expect(await names('accounts', ...elsewhere)).toEqual(['alice', 'bob-2'])
  } finally {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true, force: true })
  }
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
