import { expect, test } from 'vitest'
import { localVersions, usualLocalVersion } from '../base/kubernetes-version.ts'
import { checkUpgrade, checkVersion, clusterOrder, versionFor } from './cluster.ts'

const order = (version: string) => clusterOrder.parse({ kubernetesVersion: version, domain: 'omega.localhost' })
const [major = 0, minor = 0] = usualLocalVersion.split('.').map(Number)
const oldest = localVersions.at(-1) ?? ''
const oldestMinor = Number(oldest.split('.')[1])

test('a version of Kubernetes that this local cloud has no programs for is refused with those it has', () => {
  for (const version of localVersions) expect(() => checkVersion(order(version))).not.toThrow()
  expect(() => checkVersion(order(`v${usualLocalVersion}`))).not.toThrow()
  expect(() => checkVersion(order('1.2.3'))).toThrow(
    `1.2.3 is not offered: this local cloud has ${usualLocalVersion}, `,
  )
})

test('a cluster goes to the next minor version, neither over one nor back', () => {
  expect(() => checkUpgrade(['1.36.3', '1.36.3'], order('1.37.2'))).not.toThrow()
  expect(() => checkUpgrade(['1.37.2', '1.36.3'], order('1.37.2'))).not.toThrow()
  expect(() => checkUpgrade(['1.37.2', '1.36.3'], order('1.38.0'))).toThrow(/first one of 1\.37/)
  expect(() => checkUpgrade(['1.37.2', '1.36.3'], order('1.36.3'))).toThrow(/goes back.*cloudmgr down/)
})

test('what was written is gone on with by the same, another patch, or the next minor version; by nothing else', () => {
  for (const version of localVersions) expect(versionFor(version, 'omega')).toBe(version)
  expect(versionFor(`${major}.${minor}.99`, 'omega')).toBe(usualLocalVersion)
  expect(versionFor(`${major}.${oldestMinor - 1}.0`, 'omega')).toBe(oldest)
  for (const other of [`${major}.${minor + 1}.0`, `${major}.${oldestMinor - 2}.0`])
    expect(() => versionFor(other, 'omega')).toThrow(`ran with Kubernetes ${other}`)
})
