/** Clouds that delete a disk for whoever shows a token. The others want signatures, which their own programs make. */
export const tokenClouds = ['hetzner', 'digitalocean', 'linode'] as const
export type TokenCloud = (typeof tokenClouds)[number]

/** Disks at a cloud, for what no cluster has a driver for any more. */
export interface CloudDisks {
  /**
   * Deletes a disk, by what its CSI driver calls it; one that is gone is no error. Whoever can't be reached, or has no time,
   * is `unavailable`; a cloud that refuses is `conflict`, `disk-refused`.
   */
  delete(cloud: TokenCloud, token: string, handle: string): Promise<void>
}
