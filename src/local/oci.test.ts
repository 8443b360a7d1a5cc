import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { programImage, tar } from './oci.ts'

test('tar reads what we write, with modes and contents', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oci-'))
  try {
    writeFileSync(join(folder, 'a.tar'), tar([{ name: 'bin/x', content: Buffer.from('hello'), mode: 0o755 }]))
    expect(execFileSync('tar', ['-tvf', join(folder, 'a.tar')], { encoding: 'utf8' })).toMatch(
      /^-rwxr-xr-x 0\/0 +5 .* bin\/x\n$/,
    )
    execFileSync('tar', ['-xf', join(folder, 'a.tar'), '-C', folder])
    expect(readFileSync(join(folder, 'bin/x'), 'utf8')).toBe('hello')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the same program gives the same image', () => {
  const program = Buffer.from('program')
  expect(programImage('a/b:1', 'pause', program).equals(programImage('a/b:1', 'pause', program))).toBe(true)
})
