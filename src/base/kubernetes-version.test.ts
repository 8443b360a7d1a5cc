import { expect, test } from 'vitest'
import { localVersions, refusedStep, usualLocalVersion, versionStep, type VersionStep } from './kubernetes-version.ts'

const cases: { from: string; to: string; step: VersionStep; why: string }[] = [
  { from: '1.36.3', to: 'v1.36.3', step: 'same', why: 'a leading v means nothing' },
  { from: '1.36.1', to: '1.36.3', step: 'patch', why: 'patches of one minor version read each other' },
  { from: '1.36.3', to: '1.36.1', step: 'patch', why: 'also backwards' },
  { from: '1.36.3', to: '1.37.2', step: 'minor', why: 'the next minor version' },
  { from: '1.9.3', to: '1.10.0', step: 'minor', why: 'numbers, not text' },
  { from: '1.35.8', to: '1.37.2', step: 'skips', why: 'two at once' },
  { from: '1.37.2', to: '1.36.3', step: 'older', why: 'back' },
]

for (const { from, to, step, why } of cases)
  test(`${from} → ${to}: ${why}`, () => expect(versionStep(from, to)).toBe(step))

test('a refusal says what would be right', () => {
  expect(refusedStep('1.36.3', '1.37.2', '')).toBeUndefined()
  expect(refusedStep('1.35.8', '1.37.2', '')).toContain('first one of 1.36')
  expect(refusedStep('1.37.2', '1.36.3', 'The way back is down.')).toMatch(/goes back.*The way back is down\./)
})

test('each version of this computer is one minor version above the next, so that a site can go through them', () => {
  expect(usualLocalVersion).toBe(localVersions[0])
  for (const [index, newer] of localVersions.entries()) {
    const older = localVersions[index + 1]
    if (older !== undefined) expect(versionStep(older, newer)).toBe('minor')
  }
})
