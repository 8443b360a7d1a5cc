import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Manifest } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import type { FakeOutside } from './fake-outside.ts'
import { testCli } from './testing.ts'

/** A site whose cluster a Rancher makes, from end to end with fakes. */
let folder = ''
let state = ''
let outside: FakeOutside

const here = testCli(async (fresh) => {
  ;({ folder, state, outside } = fresh)
  outside.env['TOKEN'] = 'token-abcde:secret'
  writeFileSync(join(folder, 'site.yml'), file)
  await newCluster()
})
const cli = here.run

const file = `name: acme
domain: acme.example.org
provider: {kind: rancher, cloud: linode, region: eu-central, credential: {name: mine}}
rancher: {kind: existing, url: "https://rancher.example.org", token: {env: TOKEN}}
images: {registry: registry.example.com/omega}
storage: {class: fast}
pools:
  - {name: control, role: control, type: g6-standard-2}
  - {name: everything, role: worker, type: g6-standard-6, min: 1, max: 3}
`

const node = (name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
})
const dns: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'kube-dns', namespace: 'kube-system' },
  spec: { clusterIP: '10.96.0.10' },
}

async function newCluster(): Promise<void> {
  for (const object of [node('control-1'), node('everything-1'), dns]) await outside.kubernetes.apply(object)
}

/** As the class's driver makes a disk for a claim. */
async function bind(
  namespace: string,
  name: string,
  csi = { driver: 'linodebs.csi.linode.com', volumeHandle: '4711-vol' },
): Promise<void> {
  await outside.kubernetes.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { volumeName: `pvc-${name}`, resources: { requests: { storage: '20Gi' } } },
  })
  await outside.kubernetes.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pvc-${name}` },
    spec: {
      capacity: { storage: '20Gi' },
      persistentVolumeReclaimPolicy: 'Delete',
      csi,
      claimRef: { namespace, name },
    },
  })
}

const volume = async (name: string) =>
  await outside.kubernetes.find({ apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${name}` })

test('down keeps the disks of the site and asks for those of accounts, up takes them up again', async () => {
  expect(await cli('up', '--yes')).toBe(0)
  await bind('omegaml-services', 'mongodb')
  await bind('omegaml-services', 'theirs')
  outside.answer = 'no'
  expect(await cli('down')).not.toBe(0)
  const { out } = outside.printed()
  expect(out).toContain('goes with the cluster: claim omegaml-services/theirs')
  expect(out).toContain('its disk stays: claim omegaml-services/mongodb')

  expect(await cli('down', '--yes')).toBe(0)
  expect((await volume('mongodb'))?.['spec']).toMatchObject({ persistentVolumeReclaimPolicy: 'Retain' })
  expect((await volume('theirs'))?.['spec']).toMatchObject({ persistentVolumeReclaimPolicy: 'Delete' })

  // With the machines all went that was in the cluster.
  for (const name of ['mongodb', 'theirs'])
    await outside.kubernetes.delete({ apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${name}` })
  expect(await cli('up', '--yes')).toBe(0)
  expect((await volume('mongodb'))?.['spec']).toMatchObject({
    csi: { volumeHandle: '4711-vol' },
    claimRef: { namespace: 'omegaml-services', name: 'mongodb' },
  })
  expect(await volume('theirs')).toBeUndefined()
})

test('a purge after down names the disks that it can’t delete, with what deletes them', async () => {
  expect(await cli('up', '--yes')).toBe(0)
  await bind('omegaml-services', 'mongodb')
  expect(await cli('down', '--yes')).toBe(0)
  outside.kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'its machines are gone'))
  outside.printed()
  const disk = 'omegaml-services/mongodb (20Gi, 4711-vol of linodebs.csi.linode.com)'
  outside.answer = 'yes'
  expect(await cli('down', '--purge')).not.toBe(0)
  expect(outside.printed().out).toContain(`${disk}: linode-cli volumes delete 4711`)
  expect(existsSync(state)).toBe(true)

  outside.answer = 'acme'
  expect(await cli('down', '--purge')).toBe(0)
  const { out, err } = outside.printed()
  expect(err).toContain(`left at the cloud: ${disk}; linode-cli volumes delete 4711`)
  expect(out).toContain('nothing but these disks is left')
  expect(existsSync(state)).toBe(false)
})

const hetzner = file
  .replace(
    'cloud: linode, region: eu-central, credential: {name: mine}',
    'cloud: hetzner, region: fsn1, credential: {values: {token: {env: TOKEN}}}',
  )
  .replace('g6-standard-2', 'cx33')
  .replace('g6-standard-6, min: 1, max: 3', 'cx53')

test('a purge after down deletes disks of a cloud whose token it has, and names those that the cloud refuses', async () => {
  writeFileSync(join(folder, 'site.yml'), hetzner)
  expect(await cli('up', '--yes')).toBe(0)
  await bind('omegaml-services', 'mongodb', { driver: 'csi.hetzner.cloud', volumeHandle: '4711' })
  await bind('omegaml-services', 'mysql', { driver: 'nfs.csi.k8s.io', volumeHandle: 'theirs' })
  expect(await cli('down', '--yes')).toBe(0)
  outside.kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'its machines are gone'))
  outside.printed()
  outside.answer = 'yes'
  expect(await cli('down', '--purge')).not.toBe(0)
  const mongodb = 'omegaml-services/mongodb (20Gi, 4711 of csi.hetzner.cloud)'
  expect(outside.printed().out).toMatch(/deleted at the cloud:\n.*mongodb.*\n.*They stay at the cloud[^]*mysql/)
  expect(outside.disks.deleted).toEqual([])

  expect(await cli('down', '--purge', '--yes')).toBe(0)
  expect(outside.disks.deleted).toEqual(['hetzner token-abcde:secret 4711'])
  const { err } = outside.printed()
  expect(err).toContain('left at the cloud: omegaml-services/mysql (20Gi, theirs of nfs.csi.k8s.io)')
  expect(err).not.toContain(mongodb)
})

test('a token that the cloud does not take any more keeps no purge from ending', async () => {
  writeFileSync(join(folder, 'site.yml'), hetzner)
  expect(await cli('up', '--yes')).toBe(0)
  await bind('omegaml-services', 'mongodb', { driver: 'csi.hetzner.cloud', volumeHandle: '4711' })
  expect(await cli('down', '--yes')).toBe(0)
  outside.kubernetes.failWith(new AppError('unavailable', 'kubernetes-unreachable', 'its machines are gone'))
  outside.disks.refusal = new AppError('conflict', 'disk-refused', 'it does not take the token')
  expect(await cli('down', '--purge', '--yes')).toBe(0)
  expect(outside.printed().err).toContain('hcloud volume delete 4711')
})

test('Kubernetes goes up by one minor version that the Rancher has, and stays when nobody names one', async () => {
  const ordered = () =>
    JSON.parse(readFileSync(join(state, 'terraform/cluster/terraform.tfvars.json'), 'utf8')) as object
  const versioned = (version: string) =>
    writeFileSync(
      join(folder, 'site.yml'),
      file.replace('cloud: linode', `cloud: linode, kubernetesVersion: ${version}`),
    )
  versioned('1.33.9')
  expect(await cli('up', '--yes')).toBe(0)
  expect(ordered()).toMatchObject({ kubernetes_version: 'v1.33.9+rke2r1' })
  versioned('1.35.8')
  expect(await cli('plan')).toBe(2)
  expect(outside.printed().err).toContain('first one of 1.34')
  versioned('1.37.2')
  expect(await cli('plan')).toBe(2)
  expect(outside.printed().err).toContain('right is 1.33 to 1.35')
  versioned('1.34.6')
  expect(await cli('up', '--yes')).toBe(0)
  expect(outside.printed().out).toContain('Kubernetes 1.33.9 → 1.34.6')
  expect(ordered()).toMatchObject({ kubernetes_version: 'v1.34.6+rke2r1' })
})

test('pools that an autoscaler set stay as they are', async () => {
  outside.rancher.sizes = { everything: 3 }
  expect(await cli('up', '--yes')).toBe(0)
  const values = JSON.parse(readFileSync(join(state, 'terraform/cluster/terraform.tfvars.json'), 'utf8')) as object
  expect(values).toMatchObject({ observed: { everything: 3 } })
})
