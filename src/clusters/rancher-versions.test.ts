import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  loadRancherMatrix,
  mismatches,
  type RancherVersions,
  rancherLine,
  requireMatching,
} from './rancher-versions.ts'

const matrix = loadRancherMatrix(resolve(import.meta.dirname, '../../catalog/rancher.yml'))

const cases: { versions: RancherVersions; wrong: string[]; why: string }[] = [
  {
    versions: { rancher: '2.15.1', provider: '15.0.0', kubernetes: 'v1.35.8+k3s1', backup: '110.0.0+up11.0.0' },
    wrong: [],
    why: 'versions of one line go together',
  },
  { versions: { rancher: 'v2.14.0' }, wrong: [], why: 'what is left out is not checked' },
  { versions: { rancher: '2.14.3', provider: '15.0.0' }, wrong: ['provider'], why: 'the provider is of the next line' },
  { versions: { rancher: '2.14.3', provider: '1.14.0' }, wrong: ['provider'], why: 'majors count, not digits' },
  { versions: { rancher: '2.15.1', kubernetes: '1.37.2' }, wrong: ['kubernetes'], why: 'Kubernetes is too new' },
  { versions: { rancher: '2.15.1', kubernetes: 'v1.9.1' }, wrong: ['kubernetes'], why: '1.9 is older than 1.33' },
  { versions: { rancher: '2.15.1', kubernetes: 'latest' }, wrong: ['kubernetes'], why: 'a word is no version' },
  {
    versions: { rancher: '2.14.3', monitoring: '110.0.0+up1', backup: '109.0.7+up10.0.8' },
    wrong: ['monitoring'],
    why: 'a chart is of another line',
  },
  {
    versions: { rancher: '2.9.1', provider: '15.0.0' },
    wrong: ['rancher'],
    why: 'a Rancher nobody looked at is refused',
  },
]

describe('versions', () => {
  for (const { versions, wrong, why } of cases) {
    test(why, () => expect(mismatches(matrix, versions).map(({ field }) => field)).toEqual(wrong))
  }

  test('that do not match are refused, with the field, the value and what would be right', () => {
    const details = { field: 'kubernetes', value: 'v1.37.2', right: '1.33 to 1.35' }
    expect(() => requireMatching(matrix, { rancher: '2.15.1', kubernetes: 'v1.37.2' })).toThrow(
      expect.objectContaining({ code: 'rancher-versions', details }),
    )
  })
})

test('every line goes with itself, and the default is one of them', () => {
  for (const { version, provider, kubernetes, backup, monitoring } of matrix.lines) {
    const charts = { ...(backup === undefined ? {} : { backup }), ...(monitoring === undefined ? {} : { monitoring }) }
    const versions = {
      rancher: version,
      provider: `${provider.slice(3)}.0`,
      kubernetes: `${kubernetes.to}.1`,
      ...charts,
    }
    expect(mismatches(matrix, versions)).toEqual([])
  }
  expect(rancherLine(matrix).rancher).toBe(matrix.default)
  expect(() => rancherLine(matrix, '2.3.4')).toThrow(/2\.13\.x/)
})
