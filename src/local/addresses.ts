import { AppError } from '../base/errors.ts'

/** What a site has of the host: a number, and everything that follows from it. */
export interface Addresses {
  readonly slot: number
  /** Names begin with this: namespace, link, cgroups, firewall table, run folder. */
  readonly name: string
  /** Host side and site side of the link between them. */
  readonly uplink: { readonly subnet: string; readonly host: string; readonly site: string; readonly link: string }
  /** The machines' network, inside the site's namespace. */
  readonly bridge: { readonly subnet: string; readonly address: string }
  readonly netns: string
  readonly ports: ControlPorts
  /** Everything is on the host's loopback: no namespace, no root; all machines only say that they are some. */
  readonly simulated: boolean
  readonly nftTable: string
  /** Where namespaces that must outlive their processes are held; gone after a reboot. */
  readonly runFolder: string
}

/** Ports that the control plane listens on. In a namespace of its own a site has the usual ones. */
export interface ControlPorts {
  readonly apiServer: number
  readonly etcd: number
  readonly etcdPeer: number
  readonly controllerManager: number
  readonly scheduler: number
  readonly gateway: number
}

const usualPorts: ControlPorts = {
  apiServer: 6443,
  etcd: 2379,
  etcdPeer: 2380,
  controllerManager: 10257,
  scheduler: 10259,
  gateway: 7443,
}

export const maxSlots = 128
export const podRange = '10.32.0.0/12'
export const serviceRange = '10.96.0.0/16'
export const apiServiceAddress = '10.96.0.1'
export const dnsServiceAddress = '10.96.0.10'
export const clusterDomain = 'cluster.local'
export const ports = {
  registry: 5000,
  metrics: 10443,
  /** The registry's writable side on the host's loopback: this and the following, the first that is free. */
  registryPush: 15_000,
} as const

const firstMachine = 11
const lastMachine = 250

export function addressesOf(slot: number): Addresses {
  const name = `cm${slot}`
  return {
    slot,
    name,
    uplink: {
      subnet: `10.231.${2 * slot}.0/30`,
      host: `10.231.${2 * slot}.1`,
      site: `10.231.${2 * slot}.2`,
      link: name,
    },
    bridge: { subnet: `10.231.${2 * slot + 1}.0/24`, address: `10.231.${2 * slot + 1}.1` },
    netns: name,
    ports: usualPorts,
    simulated: false,
    nftTable: `cloudmgr_${slot}`,
    runFolder: `/run/cloudmgr/${name}`,
  }
}

/** Of a simulated site: it has nothing of the host but ports of its loopback. */
export function loopbackAddresses(controlPorts: ControlPorts): Addresses {
  const loopback = '127.0.0.1'
  return {
    slot: -1,
    name: 'simulated',
    uplink: { subnet: '127.0.0.0/8', host: loopback, site: loopback, link: 'lo' },
    bridge: { subnet: '127.0.0.0/8', address: loopback },
    netns: '',
    ports: controlPorts,
    simulated: true,
    nftTable: '',
    runFolder: '',
  }
}

/** Names of one machine. `number` is the last part of its address. */
export interface MachineNames {
  readonly netns: string
  readonly address: string
  /** The bridge's end of its link; at most 15 characters. */
  readonly port: string
  readonly cgroup: string
  readonly mountNamespace: string
}

export function machineNames(addresses: Addresses, machine: string, number: number): MachineNames {
  return {
    netns: `${addresses.name}-${machine}`,
    address: addresses.bridge.address.replace(/\.1$/, `.${number}`),
    port: `m${number}`,
    cgroup: `cloudmgr-${addresses.slot}-${machine}`,
    mountNamespace: `${addresses.runFolder}/${machine}.mnt`,
  }
}

export function freeMachineNumber(taken: Iterable<number>): number {
  const used = new Set(taken)
  for (let number = firstMachine; number <= lastMachine; number += 1) if (!used.has(number)) return number
  throw new AppError(
    'conflict',
    'machines-full',
    `a cluster of the local cloud has at most ${lastMachine - firstMachine + 1} machines`,
  )
}

/** Whether two IPv4 ranges such as 10.0.0.0/8 share an address. */
export function overlaps(a: string, b: string): boolean {
  const [first, second] = [range(a), range(b)]
  return first.from <= second.to && second.from <= first.to
}

function range(cidr: string): { from: number; to: number } {
  const [address = '', bits = '32'] = cidr.split('/')
  const size = 2 ** (32 - Number(bits))
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const from = Math.floor(value / size) * size
  return { from, to: from + size - 1 }
}
