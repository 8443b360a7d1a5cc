import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withLock } from './lock.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloudmgr-lock-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('the second waits for the first and says so', async () => {
  const file = join(folder, 'deep', 'lock')
  const steps: string[] = []
  const waits = Promise.withResolvers<void>()
  const first = withLock(file, async () => {
    const second = withLock(file, async () => void steps.push('second'), {
      waiting: () => {
        steps.push('waiting')
        waits.resolve()
      },
    })
    await waits.promise
    steps.push('first')
    return { second }
  })
  await (await first).second
  expect(steps).toEqual(['waiting', 'first', 'second'])
})

test('a failure frees the lock', async () => {
  const file = join(folder, 'lock')
  await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await withLock(file, async () => 'done')).toBe('done')
})

test('waiting ends when it is aborted', async () => {
  const file = join(folder, 'lock')
  const stop = new AbortController()
  await withLock(file, async () => {
    const second = withLock(file, async () => 'never', {
      waiting: () => stop.abort(new Error('stopped')),
      signal: stop.signal,
    })
    await expect(second).rejects.toThrow('stopped')
  })
})
