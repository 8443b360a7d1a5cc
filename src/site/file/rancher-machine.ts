import { didYouMean, nearest } from '../../base/nearest.ts'
import type { MachineSettingsByDriver } from '../../clusters/machine-settings.ts'
import { machineDrivers, type MachineDriver } from '../../clusters/rancher-root.ts'
import type { Problem } from './problems.ts'
import type { SiteFile } from './schema.ts'

export type RancherProvider = SiteFile['provider'] & { readonly kind: 'rancher' }

/** What a driver calls the file's own words. */
const driverWords: Readonly<Record<MachineDriver, Readonly<Partial<Record<'region' | 'zone' | 'network', string>>>>> = {
  amazonec2: { region: 'region', zone: 'zone', network: 'vpc_id' },
  azure: { region: 'location', network: 'vnet' },
  digitalocean: { region: 'region' },
  google: { zone: 'zone', network: 'network' },
  linode: { region: 'region' },
  openstack: { region: 'region', zone: 'availability_zone', network: 'net_name' },
  vsphere: { region: 'datacenter', network: 'network' },
}

/** Settings of all machines in the driver's words, as module rancher-cluster takes them. */
export function rancherMachine(provider: RancherProvider): Readonly<Record<string, unknown>> {
  const words = Object.hasOwn(driverWords, provider.cloud) ? driverWords[provider.cloud as MachineDriver] : {}
  const own = (['region', 'zone', 'network'] as const).flatMap((word) => {
    const name = words[word]
    return provider[word] === undefined || name === undefined ? [] : [[name, provider[word]] as const]
  })
  return { ...Object.fromEntries(own), ...provider.machine }
}

/** What the driver would refuse when the first machine is ordered. */
export function machineMistakes(provider: RancherProvider, known: MachineSettingsByDriver): Problem[] {
  const driver = machineDrivers.find((one) => one === provider.cloud)
  if (driver === undefined) return [unknownCloud(provider.cloud)]
  const { names, needed } = known[driver]
  const settings = rancherMachine(provider)
  const path = ['provider', 'machine']
  const unknown = Object.keys(provider.machine).filter((name) => !names.includes(name))
  const missing = needed.filter((name) => settings[name] === undefined)
  const unused = (['region', 'zone', 'network'] as const).filter(
    (word) => provider[word] !== undefined && driverWords[driver][word] === undefined,
  )
  return [
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
            problem: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing: machines of ${driver} need ${needed.join(', ')}`,
          },
        ]),
    ...unused.map((word) => ({
      path: ['provider', word],
      problem: `machines of ${driver} have no ${word}: leave it out`,
    })),
  ]
}

function unknownCloud(cloud: string): Problem {
  const hetzner = /hetzner|hcloud/.test(cloud)
    ? '; machines of Hetzner join a Rancher by hand (terraform/rancher-cluster/hetzner), or take provider hcloud'
    : ''
  const help = `right is ${machineDrivers.join(', ')}${didYouMean(nearest(cloud, machineDrivers))}${hetzner}`
  return { path: ['provider', 'cloud'], value: cloud, problem: help }
}
