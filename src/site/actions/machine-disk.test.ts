import { expect, test } from 'vitest'
import { createTestContext } from '../../actions/testing.ts'
import { AppError } from '../../base/errors.ts'
import { machineDiskAction } from './machine-disk.ts'

const own = { push: '127.0.0.1:5001', pull: '10.1.0.1:5000' }
const references = ['10.1.0.1:5000/nginx@sha256:0a']

async function prepare(registry: typeof own, prepareDisk: (images: readonly string[]) => Promise<boolean>) {
  return await machineDiskAction({ prepareDisk }).ensure({ registry, references }, createTestContext())
}

test('images are asked for where this computer reaches the registry', async () => {
  const asked: string[] = []
  const outcome = await prepare(own, async (images) => asked.push(...images) > 0)
  expect(asked).toEqual(['127.0.0.1:5001/nginx@sha256:0a'])
  expect(outcome).toMatchObject({ changed: true, message: 'prepared for the next machines' })
})

test('a site does not fail for it, and says what was wrong', async () => {
  const outcome = await prepare(own, () => Promise.reject(new AppError('unavailable', 'disk', 'no space left')))
  expect(outcome).toEqual({ changed: false, message: 'not prepared: no space left' })
})

test('images of somebody else’s registry are left to the machines', async () => {
  const elsewhere = { push: 'registry.test:5000', pull: 'registry.test:5000' }
  const outcome = await prepare(elsewhere, () => Promise.reject(new Error('not asked')))
  expect(outcome).toMatchObject({ changed: false, message: 'images come from registry.test:5000' })
})
