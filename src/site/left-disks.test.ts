import { expect, test } from 'vitest'
import { bound } from '../actions/testing.ts'
import { createFakeCloudDisks } from '../adapters/cloud-disks/fake.ts'
import { AppError } from '../base/errors.ts'
import { leftDisksAction } from './actions/left-disks.ts'
import type { RancherCloud } from './cloud.ts'
import { type KeptDisk, reclaimNote } from './kept-disks.ts'
import { doorOf } from './left-disks.ts'

const cloudAt = (driver: string): RancherCloud => ({
  kind: 'rancher',
  url: 'https://rancher.example.org',
  driver,
  machine: {},
  pools: [],
  distribution: 'rke2',
})

function disk(name: string, driver: string, policy = 'Delete'): KeptDisk {
  const csi = { driver, volumeHandle: `${name}-handle` }
  const metadata = { name: `pvc-${name}`, annotations: { [reclaimNote]: policy } }
  const spec = { csi, capacity: {}, accessModes: [], persistentVolumeReclaimPolicy: 'Retain' }
  return { claim: `omegaml-services/${name}`, volume: { apiVersion: 'v1', kind: 'PersistentVolume', metadata, spec } }
}

const secrets = { 'credential-token': 't', 'credential-access_token': 'a', token: 'of-another' }
const hetznerDisk = disk('mongodb', 'csi.hetzner.cloud')
const cases: { at: string; one: KeptDisk; given?: Record<string, string>; door: object | undefined; why: string }[] = [
  { at: 'hetzner', one: hetznerDisk, door: { cloud: 'hetzner', token: 't' }, why: 'by the token of its own cloud' },
  {
    at: 'digitalocean',
    one: disk('mongodb', 'dobs.csi.digitalocean.com'),
    door: { cloud: 'digitalocean', token: 'a', handle: 'mongodb-handle' },
    why: 'the field has another name there',
  },
  { at: 'linode', one: hetznerDisk, door: undefined, why: 'a token goes to no other cloud' },
  { at: 'hetzner', one: hetznerDisk, given: {}, door: undefined, why: 'Rancher has the credential, we do not' },
  { at: 'amazonec2', one: disk('a', 'ebs.csi.aws.com'), door: undefined, why: 'this cloud wants signatures' },
  { at: 'hetzner', one: disk('a', 'csi.hetzner.cloud', 'Retain'), door: undefined, why: 'its class keeps disks' },
]
for (const { at, one, given = secrets, door, why } of cases)
  test(`a disk at ${at}: ${why}`, () => {
    const found = doorOf(one, cloudAt(at), given)
    if (door === undefined) expect(found).toBeUndefined()
    else expect(found).toMatchObject(door)
  })

test('what is deleted is forgotten at once; what a busy cloud keeps is tried again', async () => {
  let noted: readonly KeptDisk[] = [hetznerDisk, disk('shared', 'nfs.csi.k8s.io')]
  const disks = createFakeCloudDisks()
  const action = leftDisksAction({
    disks,
    doorOf: (one) => doorOf(one, cloudAt('hetzner'), secrets),
    lastDisks: () => noted,
    keepDisks: (rest) => {
      noted = rest
    },
  })
  const step = bound(action, { site: 'acme' })
  disks.refusal = new AppError('unavailable', 'disk-busy', 'it leaves its machine')
  await expect(step.remove()).rejects.toMatchObject({ code: 'disk-busy' })
  disks.refusal = new AppError('conflict', 'disk-refused', 'it does not take the token')
  expect(await step.remove()).toMatchObject({ changed: false })
  expect(noted).toHaveLength(2)
  disks.refusal = undefined
  expect(await step.remove()).toMatchObject({ changed: true })
  expect(disks.deleted).toEqual(['hetzner t mongodb-handle'])
  expect(noted.map(({ claim }) => claim)).toEqual(['omegaml-services/shared'])
})
