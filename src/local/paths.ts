import { join } from 'node:path'

/** Where the local cloud keeps what must survive: everything below one folder (`--state`). */
export interface CloudPaths {
  readonly folder: string
  readonly socket: string
  readonly cluster: string
  readonly machines: string
  readonly volumes: string
  readonly pki: string
  readonly etcd: string
  readonly registry: string
  readonly configs: string
  readonly programs: string
  readonly logs: string
  readonly supervisor: string
  readonly keeper: string
  /** There: this local cloud works without root, and all its machines are simulated. */
  readonly simulated: string
  /** The folder of the disk that new machines begin with, in a file. */
  readonly disk: string
  /** Clusters beside the first one, a folder each. */
  readonly others: string
}

export function cloudPaths(folder: string): CloudPaths {
  return {
    folder,
    socket: join(folder, 'api.sock'),
    cluster: join(folder, 'cluster.json'),
    machines: join(folder, 'machines'),
    volumes: join(folder, 'volumes'),
    pki: join(folder, 'pki'),
    etcd: join(folder, 'etcd'),
    registry: join(folder, 'registry'),
    configs: join(folder, 'configs'),
    programs: join(folder, 'programs'),
    logs: join(folder, 'logs'),
    supervisor: join(folder, 'supervisor.json'),
    keeper: join(folder, 'keeper.json'),
    simulated: join(folder, 'simulated'),
    disk: join(folder, 'disk'),
    others: join(folder, 'clusters'),
  }
}

/** Of a cluster beside the first one: all its own, but volumes, images and disk are shared. */
export function pathsBeside(first: CloudPaths, name: string): CloudPaths {
  const { volumes, registry, disk } = first
  return { ...cloudPaths(join(first.others, name)), volumes, registry, disk }
}
