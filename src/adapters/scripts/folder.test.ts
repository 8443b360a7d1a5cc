import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createScripts } from './folder.ts'
import { createFakeScripts } from './fake.ts'
import type { Scripts } from './port.ts'

let folder: string
let scripts: Scripts
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloudmgr-scripts-'))
  await writeFile(
    join(folder, 'say.sh'),
    'for word in "$@"; do echo "<$word>"; done; echo "$GIVEN${SECRET_OF_TESTS-unset}"; exit 3\n',
  )
  await writeFile(join(folder, 'node.ts'), 'const word: string = process.argv[2] ?? ""\nconsole.log(word)\n')
  await writeFile(join(folder, 'slow.sh'), 'echo started; exec sleep 60\n')
  await mkdir(join(folder, 'sub'))
  scripts = createScripts(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('arguments arrive as they are, the environment is clean, and the exit code is the answer', async () => {
  process.env['SECRET_OF_TESTS'] = 'leaked'
  const lines: string[] = []
  const output = (line: string): void => void lines.push(line)
  expect(await scripts.run('say.sh', { args: ['a b', '$(id)', '*'], env: { GIVEN: 'given ' }, output })).toBe(3)
  expect(lines).toEqual(['<a b>', '<$(id)>', '<*>', 'given unset'])
})

test('TypeScript runs by Node', async () => {
  const lines: string[] = []
  expect(await scripts.run('node.ts', { args: ['hello'], output: (line) => lines.push(line) })).toBe(0)
  expect(lines).toEqual(['hello'])
})

test('only files of the folder can be named', async () => {
  for (const name of ['../etc/passwd', 'sub', 'none.sh', '/bin/sh', '']) {
    await expect(scripts.run(name, { args: [] })).rejects.toMatchObject({ kind: 'invalid', code: 'script-unknown' })
    await expect(createFakeScripts({ 'say.sh': () => 0 }).run(name, { args: [] })).rejects.toMatchObject({
      code: 'script-unknown',
    })
  }
})

test('a script that takes too long is ended and may be tried again', async () => {
  await expect(scripts.run('slow.sh', { args: [], timeoutMs: 100 })).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'script-timed-out',
  })
})

test('an abort ends it', async () => {
  const abort = new AbortController()
  const running = scripts.run('slow.sh', {
    args: [],
    signal: abort.signal,
    output: () => abort.abort(new Error('stopped')),
  })
  await expect(running).rejects.toThrow('stopped')
})
