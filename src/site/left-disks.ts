import { type TokenCloud, tokenClouds } from '../adapters/cloud-disks/port.ts'
import type { Cloud } from './cloud.ts'
import { credentialIn } from './cloud-roots.ts'
import { type KeptDisk, reclaimNote } from './kept-disks.ts'

/** By cloud: who makes its disks, and which field of the site file's credential deletes them. */
const owners: Readonly<Record<TokenCloud, { readonly driver: string; readonly field: string }>> = {
  hetzner: { driver: 'csi.hetzner.cloud', field: 'token' },
  digitalocean: { driver: 'dobs.csi.digitalocean.com', field: 'access_token' },
  linode: { driver: 'linodebs.csi.linode.com', field: 'token' },
}

export interface DiskDoor {
  readonly cloud: TokenCloud
  readonly token: string
  /** What the driver calls it. */
  readonly handle: string
}

/**
 * How a disk can be deleted from here whose cluster is gone; `undefined`: its class keeps it, or the site has no token of its
 * cloud. A token goes to no other cloud than its own.
 */
export function doorOf(
  { volume: { metadata, spec } }: KeptDisk,
  site: Cloud | undefined,
  secrets: Readonly<Record<string, string>>,
): DiskDoor | undefined {
  const { annotations = {} } = metadata as { annotations?: Readonly<Record<string, string>> }
  if (site?.kind !== 'rancher' || annotations[reclaimNote] !== 'Delete') return undefined
  const cloud = tokenClouds.find((name) => name === site.driver)
  if (cloud === undefined || spec.csi === undefined) return undefined
  const { driver, field } = owners[cloud]
  const token = credentialIn(secrets)[field]
  return spec.csi.driver === driver && token !== undefined ? { cloud, token, handle: spec.csi.volumeHandle } : undefined
}
