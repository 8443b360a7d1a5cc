import { expect, test } from 'vitest'
import { createFakeKubernetes } from '../adapters/kubernetes/fake.ts'
import type { Readiness } from '../adapters/kubernetes/port.ts'
import { createFakeClock } from '../../test/support/fake-clock.ts'
import { createTestContext } from './testing.ts'
import { waitForObjects } from './workloads.ts'

const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'many', namespace: 'default' } }
const waiting = (reason: string): Readiness => ({ state: 'waiting', reason })

/** Waits for a Deployment that is as `alone` says at each time; answers with what was told, and when pods were asked. */
async function waitFor(alone: (seconds: number) => Readiness, failed?: Readiness) {
  const clock = createFakeClock()
  const began = clock.now()
  const asked: number[] = []
  const kubernetes = createFakeKubernetes()
  kubernetes.readiness = async (_ref, how) => {
    const seconds = (clock.now() - began) / 1000
    const found = alone(seconds)
    if (how?.alone === true) return found
    asked.push(seconds)
    return failed ?? { ...found, reason: `${found.reason}: image pull back-off` }
  }
  const context = createTestContext()
  const outcome = await waitForObjects([deployment], 60_000, { kubernetes, clock, context }).catch(
    (error: Error) => error.message,
  )
  return { asked, reasons: [...new Set(context.reasons)], outcome }
}

test('pods that become ready one after the other are not asked why they are not', async () => {
  const { asked } = await waitFor((seconds) =>
    seconds > 10 ? { state: 'ready', reason: 'all' } : waiting(`${Math.floor(seconds)} of 10 pods ready`),
  )
  expect(asked).toEqual([])
})

test('where nothing goes on pods are asked, and what they said is told until something does', async () => {
  const { asked, reasons } = await waitFor((seconds) =>
    seconds > 10 ? { state: 'ready', reason: 'all' } : waiting('0 of 1 pods ready'),
  )
  expect(asked.length).toBeGreaterThan(1)
  expect(asked[0]).toBeGreaterThanOrEqual(3)
  expect(reasons.filter((reason) => reason !== undefined)).toEqual([
    'Deployment default/many: 0 of 1 pods ready',
    'Deployment default/many: 0 of 1 pods ready: image pull back-off',
  ])
})

test('what has failed is asked at once', async () => {
  const failed: Readiness = { state: 'failed', reason: 'failed: exit code 3' }
  const { outcome } = await waitFor(() => ({ state: 'failed', reason: 'failed' }), failed)
  expect(outcome).toBe('Deployment default/many: failed: exit code 3')
})
