import { expect, test } from 'vitest'
import { checkRecordedVersion, checkVersion, clusterOrder, kubernetesVersion } from './cluster.ts'

const order = (version: string) => clusterOrder.parse({ kubernetesVersion: version, domain: 'omega.localhost' })
const record = (version: string) => ({ ...order(version), name: 'omega', registryPort: 1, gatewayToken: 'token' })
const [major, minor] = kubernetesVersion.split('.').map(Number)

test('another version of Kubernetes than that of this local cloud is refused with the way to it', () => {
  expect(() => checkVersion(order(kubernetesVersion))).not.toThrow()
  expect(() => checkVersion(order(`v${kubernetesVersion}`))).not.toThrow()
  expect(() => checkVersion(order('1.2.3'))).toThrow(/1\.2\.3 is not offered: this local cloud has .*cloudmgr down/)
})

test('what a newer Kubernetes wrote is not gone on with; older ones and other patches are', () => {
  for (const version of [kubernetesVersion, `${major}.${minor}.99`, `${major}.${Number(minor) - 1}.0`])
    expect(() => checkRecordedVersion(record(version)), version).not.toThrow()
  const newer = `${major}.${Number(minor) + 1}.0`
  expect(() => checkRecordedVersion(record(newer))).toThrow(new RegExp(`ran with Kubernetes ${newer}`))
})
