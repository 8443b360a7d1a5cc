import type { HcloudJoin } from './hcloud-nodepool-root.ts'

/** How machines join a site at Hetzner, for tests. */
export const testJoining: HcloudJoin['joining'] = {
  network_id: 11,
  network_range: '10.0.0.0/16',
  firewall_id: 12,
  server: '10.0.1.11',
  location: 'fsn1',
  image: 'debian-13',
  ssh_keys: [],
  k3s_version: 'v1.35.8+k3s1',
}
