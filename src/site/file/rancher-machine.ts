import { didYouMean, nearest } from '../../base/nearest.ts'
import type { MachineSettingsByCloud } from '../../clusters/machine-settings.ts'
import { rancherClouds, type RancherCloudName } from '../../clusters/rancher-root.ts'
import type { Problem } from './problems.ts'
import type { SiteFile } from './schema.ts'

export type RancherProvider = SiteFile['provider'] & { readonly kind: 'rancher' }

/** What a driver calls the file's own words. */
const driverWords: Readonly<
  Record<RancherCloudName, Readonly<Partial<Record<'region' | 'zone' | 'network', string>>>>
> = {
  amazonec2: { region: 'region', zone: 'zone', network: 'vpc_id' },
  azure: { region: 'location', network: 'vnet' },
  digitalocean: { region: 'region' },
  google: { zone: 'zone', network: 'network' },
  linode: { region: 'region' },
  openstack: { region: 'region', zone: 'availability_zone', network: 'net_name' },
  vsphere: { region: 'datacenter', network: 'network' },
  hetzner: { region: 'location' },
}

/** Memory that a machine of the control plane needs at least: an RKE2 server and etcd. */
export const rke2ControlGb = 8

/** Its machines are Hetzner's, and join a cluster of the Rancher. */
export function isHetznerByRancher(provider: SiteFile['provider']): provider is RancherProvider {
  return provider.kind === 'rancher' && provider.cloud === 'hetzner'
}

/** Settings of all machines in the driver's words, as module rancher-cluster takes them. */
export function rancherMachine(provider: RancherProvider): Readonly<Record<string, unknown>> {
  const words = Object.hasOwn(driverWords, provider.cloud) ? driverWords[provider.cloud as RancherCloudName] : {}
  const own = (['region', 'zone', 'network'] as const).flatMap((word) => {
    const name = words[word]
    return provider[word] === undefined || name === undefined ? [] : [[name, provider[word]] as const]
  })
  return { ...Object.fromEntries(own), ...provider.machine }
}

/** What the driver would refuse when the first machine is ordered. */
export function machineMistakes(provider: RancherProvider, known: MachineSettingsByCloud): Problem[] {
  const driver = rancherClouds.find((one) => one === provider.cloud)
  if (driver === undefined) return [unknownCloud(provider.cloud)]
  const { names, needed } = known[driver]
  const settings = rancherMachine(provider)
  const path = ['provider', 'machine']
  const unknown = Object.keys(provider.machine).filter((name) => !names.includes(name))
  const missing = needed.filter((name) => settings[name] === undefined)
  const unused = (['region', 'zone', 'network'] as const).filter(
    (word) => provider[word] !== undefined && driverWords[driver][word] === undefined,
  )
  const inFile = (name: string) =>
    name === driverWords[driver].region && name !== 'region' ? `${name} (provider.region)` : name
  return [
    ...(driver === 'hetzner' ? hetznerMistakes(provider) : []),
    ...unknown.map((name) => {
      const near = nearest(name, names)
      const help = near.length > 0 ? didYouMean(near) : `; there are ${names.join(', ')}`
      return { path: [...path, name], problem: `machines of ${driver} have no such setting${help}` }
    }),
    ...(missing.length === 0
      ? []
      : [
          {
            path,
            problem: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing: machines of ${driver} need ${needed.map(inFile).join(', ')}`,
          },
        ]),
    ...unused.map((word) => ({
      path: ['provider', word],
      problem: `machines of ${driver} have no ${word}: leave it out`,
    })),
  ]
}

/** Rancher has no driver for Hetzner: what it would do with one is missing. */
function hetznerMistakes({ credential, distribution }: RancherProvider): Problem[] {
  const path = ['provider', 'credential']
  const fields = 'values' in credential ? Object.keys(credential.values) : []
  const found: Problem[] = []
  if (fields.join() !== 'token')
    found.push({
      path,
      problem: 'Rancher itself does not sign in at Hetzner, cloudmgr does: right is values with token alone',
    })
  // The interface of the private network is called differently by machine type, and k3s wants its name.
  if (distribution !== 'rke2')
    found.push({
      path: ['provider', 'distribution'],
      value: distribution,
      problem: 'machines of Hetzner join clusters of rke2 only: leave it out',
    })
  return found
}

function unknownCloud(cloud: string): Problem {
  const near = /hcloud|hetzner/i.test(cloud) ? ['hetzner'] : nearest(cloud, rancherClouds)
  const problem = `right is ${rancherClouds.join(', ')}${didYouMean(near)}`
  return { path: ['provider', 'cloud'], value: cloud, problem }
}
