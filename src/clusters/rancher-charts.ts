import type { Manifest } from '../adapters/kubernetes/port.ts'
import type { ClusterChart } from './provider.ts'
import type { RancherLine } from './rancher-versions.ts'
import { AppError } from '../base/errors.ts'

/** Where a Rancher's backups go; what is secret of it comes apart. */
export interface RancherBackup {
  readonly bucket: string
  readonly endpoint: string
  readonly region: string
  readonly folder: string
  /** As cron writes it. */
  readonly schedule: string
  /** How many are kept. */
  readonly keep: number
}

/** A Rancher in a cluster that is there. */
export interface RancherInCluster {
  readonly hostname: string
  /** For Let's Encrypt. */
  readonly acmeEmail: string
  readonly ingressClass: string
  readonly replicas: number
  readonly backup?: RancherBackup | undefined
}

export interface BackupSecrets {
  readonly accessKey: string
  readonly secretKey: string
  /** 32 bytes in base64. */
  readonly encryptionKey: string
}

export const rancherNamespace = 'cattle-system'
export const certManagerNamespace = 'cert-manager'
export const backupNamespace = 'cattle-resources-system'

const charts = 'https://charts.rancher.io'

/**
 * What it is installed of, in this order, as module terraform/rancher-server/charts says it, too (a test compares them).
 * A cert-manager that is there is used.
 */
export function rancherCharts(
  { hostname, acmeEmail, ingressClass, replicas, backup }: RancherInCluster,
  line: RancherLine,
  { certManager, bootstrapPassword }: { readonly certManager: string; readonly bootstrapPassword: string },
): readonly ClusterChart[] {
  const bootstrap = false
  const backupCharts = (backup === undefined ? [] : ['rancher-backup-crd', 'rancher-backup']).map((chart) => ({
    release: chart,
    chart,
    version: backupVersion(line),
    repository: charts,
    namespace: backupNamespace,
    bootstrap,
    values: {},
  }))
  return [
    {
      release: 'cert-manager',
      chart: 'cert-manager',
      version: certManager,
      repository: 'https://charts.jetstack.io',
      namespace: certManagerNamespace,
      bootstrap,
      unless: {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        name: 'certificates.cert-manager.io',
      },
      values: { crds: { enabled: true } },
    },
    {
      release: 'rancher',
      chart: 'rancher',
      version: line.version,
      repository: 'https://releases.rancher.com/server-charts/latest',
      namespace: rancherNamespace,
      bootstrap,
      values: {
        hostname,
        replicas,
        bootstrapPassword,
        ingress: { ingressClassName: ingressClass, tls: { source: 'letsEncrypt' } },
        letsEncrypt: { email: acmeEmail, ingress: { class: ingressClass } },
      },
    },
    ...backupCharts,
  ]
}

function backupVersion(line: RancherLine): string {
  if (line.backup !== undefined) return line.backup
  const right = `a Rancher whose line in catalog/rancher.yml names a chart rancher-backup`
  throw new AppError(
    'invalid',
    'rancher-backup',
    `rancher.cluster.backup: none is known for Rancher ${line.rancher}; right is ${right}`,
    { details: { field: 'rancher.cluster.backup', right } },
  )
}

/** What tells rancher-backup when and where to; applied after its charts. */
export function backupObjects(
  { bucket, endpoint, region, folder, schedule, keep }: RancherBackup,
  { accessKey, secretKey, encryptionKey }: BackupSecrets,
): readonly Manifest[] {
  const provider = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [
      {
        resources: ['*.*'],
        providers: [{ secretbox: { keys: [{ name: 'key1', secret: encryptionKey }] } }, { identity: {} }],
      },
    ],
  }
  const secret = (name: string, stringData: Readonly<Record<string, string>>): Manifest => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: backupNamespace },
    data: Object.fromEntries(
      Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  })
  return [
    secret('backup-bucket', { accessKey, secretKey }),
    // JSON is YAML, too.
    secret('backup-encryption', { 'encryption-provider-config.yaml': JSON.stringify(provider) }),
    {
      apiVersion: 'resources.cattle.io/v1',
      kind: 'Backup',
      metadata: { name: 'to-bucket' },
      spec: {
        resourceSetName: 'rancher-resource-set-full',
        schedule,
        retentionCount: keep,
        encryptionConfigSecretName: 'backup-encryption',
        storageLocation: {
          s3: {
            bucketName: bucket,
            folder,
            region,
            endpoint,
            credentialSecretName: 'backup-bucket',
            credentialSecretNamespace: backupNamespace,
          },
        },
      },
    },
  ]
}
