import { ports } from './addresses.ts'
import { kubeconfig } from './kubeconfig.ts'
import { type Cluster, type Machine, machineSite } from './running.ts'

/** What the API answers about a cluster. */
export function clusterView({ record, site, progress, programs }: Cluster): object {
  // Its certificates may be gone already, before it is itself.
  if (record.removing === true) return { name: record.name, domain: record.domain, ...progress, programs: [] }
  const { addresses, pki } = site
  const ca = pki.read('ca').cert
  const apiServer = `https://${addresses.uplink.site}:${addresses.ports.apiServer}`
  return {
    name: record.name,
    kubernetesVersion: record.kubernetesVersion,
    domain: record.domain,
    ports: record.ports,
    volumes: record.volumes,
    links: record.links ?? [],
    ingress: record.ingress,
    ...progress,
    slot: addresses.slot,
    simulated: addresses.simulated,
    apiServer,
    kubeconfig: kubeconfig(record.name, { server: apiServer, ca, credential: pki.read('admin') }),
    registry: { push: `127.0.0.1:${record.registryPort}`, pull: `${addresses.bridge.address}:${ports.registry}` },
    dns: addresses.bridge.address,
    gateway: { url: `https://${addresses.uplink.host}:${addresses.ports.gateway}`, ca, token: record.gatewayToken },
    ca,
    programs: programs.states(),
  }
}

/** What the API answers about a machine. */
export function machineView(cluster: Cluster, { record, progress }: Machine): object {
  const { name, cores, memoryGb, role, labels, taints, simulated, gpu = 0, orderedBy, kubernetesVersion } = record
  const address = simulated ? null : machineSite(cluster, record).names.address
  const ordered = { name, cores, memoryGb, role, labels, taints, simulated, gpu, orderedBy }
  return { ...ordered, kubernetesVersion, ...progress, address }
}
