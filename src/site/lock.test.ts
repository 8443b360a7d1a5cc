import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isLocked, lockedElsewhere, lockFolder, releaseElsewhere } from './lock.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudmgr-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
const gone = 2 ** 22 + 1

const holders: { why: string; text: string; is: 'dead' | 'elsewhere' }[] = [
  { why: 'a process that is gone', text: `${gone} ${hostname()} ${boot}`, is: 'dead' },
  { why: 'a process that is no cloudmgr', text: `1 ${hostname()} ${boot}`, is: 'dead' },
  { why: 'a process of before a reboot', text: `${process.pid} ${hostname()} another-start`, is: 'dead' },
  { why: 'a container of this host that is gone', text: `${gone} a1b2c3 ${boot}`, is: 'dead' },
  { why: 'a process that an older version noted', text: `${gone}`, is: 'dead' },
  { why: 'a process of another host', text: `${gone} elsewhere another-start`, is: 'elsewhere' },
]
for (const { why, text, is } of holders) {
  test(`${why} ${is === 'dead' ? 'gives its lock to the next' : 'keeps its lock until somebody takes it away'}`, () => {
    writeFileSync(join(folder, 'lock'), `${text}\n`)
    expect([isLocked(folder), lockedElsewhere(folder) !== undefined]).toEqual(
      is === 'dead' ? [false, false] : [true, true],
    )
    if (is === 'elsewhere') {
      expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ kind: 'conflict', code: 'site-busy' }))
      releaseElsewhere(folder)
    }
    lockFolder(folder)()
    expect(existsSync(join(folder, 'lock'))).toBe(false)
  })
}

test('a living cloudmgr keeps its lock, and who comes is told how to go on', async () => {
  const other = spawn(process.execPath, ['-e', 'process.stdin.resume()', 'src/main.ts'])
  try {
    await new Promise((started) => other.once('spawn', started))
    writeFileSync(join(folder, 'lock'), `${other.pid} ${hostname()} ${boot}\n`)
    expect(() => lockFolder(folder)).toThrow(
      `another cloudmgr (process ${other.pid}) is changing this site: wait for it (./cloudmgr status shows its steps), or stop it with kill -INT ${other.pid}`,
    )
    expect(readdirSync(folder)).toEqual(['lock'])
  } finally {
    other.kill()
  }
})

test('of many that find a dead one’s lock at once, one has it', async () => {
  writeFileSync(join(folder, 'lock'), `${gone} ${hostname()} ${boot}\n`)
  const lock = join(import.meta.dirname, 'lock.ts')
  const program = `const { lockFolder } = await import(${JSON.stringify(lock)})
    try { lockFolder(${JSON.stringify(folder)}); console.log('has it') } catch (error) { console.log(error.code) }
    process.stdin.resume()`
  const all = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', program, 'src/main.ts']),
  )
  try {
    const said = await Promise.all(
      all.map((one) => new Promise<string>((done) => one.stdout.once('data', (text) => done(String(text).trim())))),
    )
    expect(said.toSorted()).toEqual(['has it', ...Array.from({ length: 5 }, () => 'site-busy')])
  } finally {
    for (const one of all) one.kill()
  }
})

test('only a lock of another host is taken away', () => {
  lockFolder(folder)
  releaseElsewhere(folder)
  expect(existsSync(join(folder, 'lock'))).toBe(true)
})
