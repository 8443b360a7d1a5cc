import { withGpuMarks, withGpuTaint } from '../../clusters/gpu.ts'
import { usualCloudVersion } from '../../base/kubernetes-version.ts'
import type { Cloud, ImageRegistry, OrderedPool, SiteRancher } from '../cloud.ts'
import { alertingOf, alertRefs, rancherMonitoring } from './monitoring.ts'
import type { Pool } from './pools.ts'
import { rancherMachine } from './rancher-machine.ts'
import type { SiteFile } from './schema.ts'
import type { SecretRef } from './secret-ref.ts'

/** Where the machines come from, without secrets; `undefined`: this computer. */
export function cloudFrom(file: SiteFile): Cloud | undefined {
  const { provider, storage } = file
  switch (provider.kind) {
    case 'local':
      return undefined
    case 'existing':
      return {
        kind: 'existing',
        roles: rolesOf(provider.roles ?? {}),
        ...(storage.class === undefined ? {} : { storageClass: storage.class }),
        ...importedInto(file),
      }
    case 'hcloud': {
      const { location, sshKeys, adminCidrs, kubernetesVersion = usualCloudVersion } = provider
      const pools = poolsOf(file)
      return { kind: 'hcloud', location, sshKeys, adminCidrs, pools, kubernetesVersion, ...importedInto(file) }
    }
    case 'rancher':
      return {
        kind: 'rancher',
        ...ofRancher(file),
        driver: provider.cloud,
        machine: { ...rancherMachine(provider) },
        distribution: provider.distribution,
        // Said, so that a newer cloudmgr upgrades nothing by itself.
        kubernetesVersion: provider.kubernetesVersion ?? usualCloudVersion,
        ...('name' in provider.credential ? { credentialName: provider.credential.name } : {}),
        pools: poolsOf(file),
      }
  }
}

export function registryFrom({ images }: SiteFile): ImageRegistry | undefined {
  return images === undefined ? undefined : { pull: images.registry, push: images.push ?? images.registry }
}

/** Secrets that the site's own steps use, and no component gets. */
export interface CloudRef {
  /** `kubeconfig`, `token`, `registry-username`, …, or a field of a credential: `credential-<field>`. */
  readonly name: string
  readonly ref: SecretRef
  /** The field of the site file. */
  readonly path: readonly PropertyKey[]
}

export function cloudRefs(file: SiteFile): readonly CloudRef[] {
  const { provider, rancher, images } = file
  const found: (Omit<CloudRef, 'ref'> & { readonly ref: SecretRef | undefined })[] = [
    { name: 'registry-username', ref: images?.username, path: ['images', 'username'] },
    { name: 'registry-password', ref: images?.password, path: ['images', 'password'] },
    // No secret, and looked up with them.
    { name: 'registry-ca', ref: images?.ca, path: ['images', 'ca'] },
  ]
  if (provider.kind === 'existing')
    found.push({ name: 'kubeconfig', ref: provider.kubeconfig, path: ['provider', 'kubeconfig'] })
  if (provider.kind === 'hcloud') found.push({ name: 'token', ref: provider.token, path: ['provider', 'token'] })
  if (rancher.kind === 'existing')
    found.push({ name: 'rancher-given-token', ref: rancher.token, path: ['rancher', 'token'] })
  if (rancher.kind === 'create') {
    found.push({ name: 'rancher-hcloud-token', ref: rancher.hcloudToken, path: ['rancher', 'hcloudToken'] })
    const { kubeconfig, backup } = rancher.cluster ?? {}
    found.push({ name: 'rancher-kubeconfig', ref: kubeconfig, path: ['rancher', 'cluster', 'kubeconfig'] })
    for (const [field, name] of Object.entries(rancherBackupSecrets))
      found.push({
        name,
        ref: backup?.[field as keyof typeof rancherBackupSecrets],
        path: ['rancher', 'cluster', 'backup', field],
      })
  }
  found.push(...alertRefs(file))
  if (provider.kind === 'rancher' && 'values' in provider.credential)
    for (const [field, ref] of Object.entries(provider.credential.values))
      found.push({ name: `credential-${field}`, ref, path: ['provider', 'credential', 'values', field] })
  return found.flatMap(({ ref, ...rest }) => (ref === undefined ? [] : [{ ...rest, ref }]))
}

/** By their fields. */
export const rancherBackupSecrets = {
  accessKey: 'rancher-backup-access-key',
  secretKey: 'rancher-backup-secret-key',
  encryptionKey: 'rancher-backup-encryption-key',
} as const

/** A cluster that a Rancher did not make. */
function importedInto(file: SiteFile): { rancher?: SiteRancher } {
  return file.rancher.kind === 'none' ? {} : { rancher: ofRancher(file) }
}

function ofRancher(file: SiteFile): SiteRancher {
  const monitoring = rancherMonitoring(file)
  return {
    ...rancherAt(file.rancher),
    ...limitsOf(file.rancher),
    ...(monitoring === undefined ? {} : { monitoring, alerts: withoutUndefined(alertingOf(file)) as CloudAlerts }),
  }
}

function rancherAt(rancher: SiteFile['rancher']): Pick<SiteRancher, 'url' | 'version' | 'server' | 'inCluster'> {
  if (rancher.kind === 'none') return { url: '' }
  const version = rancher.version === undefined ? {} : { version: rancher.version }
  if (rancher.kind === 'existing') return { url: rancher.url, ...version }
  const { hostname, type: machineType, location, acmeEmail, sshKeys, adminCidrs, cluster } = rancher
  const url = `https://${hostname}`
  if (cluster !== undefined) {
    const { ingressClass, replicas, backup } = cluster
    const { accessKey: _access, secretKey: _secret, encryptionKey: _encryption, ...kept } = backup ?? {}
    const inCluster = { hostname, acmeEmail, ingressClass, replicas }
    return {
      url,
      ...version,
      inCluster: backup === undefined ? inCluster : { ...inCluster, backup: kept as RancherBackup },
    }
  }
  if (machineType === undefined) return { url, ...version }
  const server = { hostname, machineType, location, acmeEmail, sshKeys, adminCidrs }
  return { url, ...version, server }
}

type RancherBackup = NonNullable<NonNullable<SiteRancher['inCluster']>['backup']>
/** In the words of Rancher's provider. */
function limitsOf(rancher: SiteFile['rancher']): Pick<SiteRancher, 'limits'> {
  if (rancher.kind === 'none' || rancher.limits === undefined) return {}
  const { all, namespace, container } = rancher.limits
  const words = (given: object) =>
    Object.fromEntries(
      Object.entries(withoutUndefined(given)).map(([name, value]) => [
        name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        String(value),
      ]),
    )
  const quota = { project: words(all), namespace: words(namespace) }
  return { limits: { quota, ...(container === undefined ? {} : { container: words(container) }) } }
}

type CloudAlerts = NonNullable<(Cloud & { kind: 'rancher' })['alerts']>

type Roles = NonNullable<(SiteFile['provider'] & { kind: 'existing' })['roles']>

function rolesOf(roles: Roles): (Cloud & { kind: 'existing' })['roles'] {
  const marked = Object.entries(roles).map(([role, nodes]) => [
    role,
    nodes.gpu === true ? { ...nodes, taints: withGpuTaint(nodes.taints) } : nodes,
  ])
  return withoutUndefined(Object.fromEntries(marked) as (Cloud & { kind: 'existing' })['roles'])
}

function poolsOf({ pools }: SiteFile): OrderedPool[] {
  return pools.map((pool) => poolSpec(pool))
}

function poolSpec({ type, simulated: _simulated, ...pool }: Pool): OrderedPool {
  const marked = withGpuMarks(pool.gpu, pool)
  return withoutUndefined({ ...marked, ...(type === undefined ? {} : { machineType: type }) }) as OrderedPool
}

function withoutUndefined<Value extends object>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value
}
