import { isIP } from 'node:net'
import { z } from 'zod'
import { localVersions, usualCloudVersion, usualLocalVersion } from '../../base/kubernetes-version.ts'
import { taintSchema } from './pools.ts'
import { secretRef } from './secret-ref.ts'

const port = (what: string, usual: number) =>
  z.int().min(1).max(65_535).optional().describe(`${what}; ${usual}, or the next free block of ports, when left out`)

const upwards = 'It goes up one minor version at a time, never down'

const cloudVersion = z
  .string()
  .regex(/^\d+\.\d+\.\d+$/, `must be a version of Kubernetes, such as "${usualCloudVersion}"`)
  .optional()

const local = z.strictObject({
  kind: z.literal('local').describe('this computer'),
  ports: z
    .strictObject({
      http: port('portal, API and notebooks', 8080),
      https: port('the same with TLS', 8443),
      mongo: port('the database', 27018),
      broker: port('the broker', 5671),
    })
    .optional()
    .describe('ports on the loopback; they stay as they were when the site was made'),
  kubernetesVersion: z
    .enum(localVersions)
    .optional()
    .describe(`version of Kubernetes; ${usualLocalVersion} when left out. ${upwards} (docs/operations.md)`),
  listen: z
    .string()
    .refine((text) => isIP(text) !== 0, 'is no address of this computer, such as 192.168.1.20')
    .optional()
    .describe(
      'address of this computer where others reach the site by TLS, 0.0.0.0 for all of its addresses; only this computer reaches it when left out',
    ),
})

const existing = z.strictObject({
  kind: z.literal('existing').describe('a cluster that is there already'),
  kubeconfig: secretRef.describe('its kubeconfig'),
  context: z.string().min(1).optional().describe('context of the kubeconfig; its current one when left out'),
  roles: z
    .record(
      z.string().regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must be a role, such as worker'),
      z.strictObject({
        nodes: z.array(z.string().min(1)).min(1).describe('names of nodes that take the role'),
        taints: z.array(taintSchema).optional().describe('keep other pods from them'),
        gpu: z
          .literal(true)
          .optional()
          .describe(
            'they have NVIDIA GPUs: only what asks for GPUs comes there (taint `nvidia.com/gpu=present:NoSchedule`), and `up` brings the device plugin where the cluster has none',
          ),
      }),
    )
    .optional()
    .describe(
      'nodes by role: they get label `omegaml.io/role`, which goes with the site. Left out: no node is touched, and parts run anywhere, or where `pools` says that the nodes have their roles already',
    ),
})

const hcloud = z.strictObject({
  kind: z.literal('hcloud').describe('Hetzner Cloud'),
  token: secretRef.describe('API token of the project, with write access'),
  location: z.string().min(1).default('fsn1').describe('location of machines and volumes'),
  kubernetesVersion: cloudVersion.describe(
    `version of Kubernetes that new machines get, as k3s has it; ${usualCloudVersion} when left out. Machines that are there are upgraded by hand (terraform/hcloud-cluster/README.md)`,
  ),
  image: z.string().min(1).default('debian-12').describe('operating system of the machines'),
  networkCidr: z
    .string()
    .regex(/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/, 'must be a range of addresses, such as 10.20.0.0/16')
    .default('10.20.0.0/16')
    .describe('private network of the machines'),
  sshKeys: z.array(z.string().min(1)).default([]).describe('names of SSH keys of the project that may sign in'),
  adminCidrs: z
    .array(z.string().min(1))
    .default([])
    .describe('addresses from where SSH and the API server can be reached; none: from nowhere'),
})

const rancher = z.strictObject({
  kind: z.literal('rancher').describe('a cluster that Rancher makes; the Rancher is named under `rancher`'),
  cloud: z
    .string()
    .min(1)
    .describe(
      "cloud of the machines, in Rancher's words, such as amazonec2; hetzner: cloudmgr orders them, and they join",
    ),
  credential: z
    .union([
      z.strictObject({ name: z.string().min(1).describe('name of a cloud credential that Rancher has') }),
      z.strictObject({
        values: z
          .record(z.string(), secretRef)
          .describe("fields of a new one, in Rancher's words; with hetzner the API token, `token`"),
      }),
    ])
    .describe('what Rancher signs in at that cloud with'),
  region: z.string().min(1).optional().describe('region of the machines'),
  zone: z.string().min(1).optional().describe('zone of the machines'),
  network: z.string().min(1).optional().describe('network that they join'),
  machine: z
    .record(z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be a setting of the driver, such as ami'), z.json())
    .default({})
    .describe(
      "further settings of all machines, in the words of the driver's block in rancher2_machine_config_v2, such as ami and subnet_id (`terraform/rancher-cluster`; with hetzner of its module `hetzner/`, such as ssh_keys and operator_ranges); they win over region, zone and network",
    ),
  distribution: z.enum(['rke2', 'k3s']).default('rke2').describe('which Kubernetes Rancher installs'),
  kubernetesVersion: cloudVersion.describe(
    `its version, one that the Rancher has; ${usualCloudVersion} when left out. ${upwards}: Rancher upgrades control plane and machines`,
  ),
})

export const providerSchema = z.discriminatedUnion('kind', [local, existing, hcloud, rancher])
export const providerKinds = ['local', 'existing', 'hcloud', 'rancher'] as const
export type ProviderKind = (typeof providerKinds)[number]

const rancherCluster = z
  .strictObject({
    kubeconfig: secretRef.describe('its kubeconfig'),
    context: z.string().min(1).optional().describe('context of the kubeconfig; its current one when left out'),
    ingressClass: z.string().min(1).default('nginx').describe('class of its ingress controller'),
    replicas: z.int().min(1).max(5).default(3).describe('copies of Rancher, not more than it has machines'),
    backup: z
      .strictObject({
        bucket: z.string().min(1).describe('S3 bucket'),
        endpoint: z.string().min(1).describe('address of the S3 service, without https://'),
        region: z.string().default('').describe('region of the bucket'),
        folder: z.string().min(1).default('rancher').describe('folder of the bucket'),
        accessKey: secretRef.describe('who writes there'),
        secretKey: secretRef.describe('its secret'),
        encryptionKey: secretRef.describe(
          '32 bytes in base64 (`openssl rand -base64 32`); keep it elsewhere, too: without it no backup can be read',
        ),
        schedule: z
          .string()
          .regex(/^@(hourly|daily|weekly|monthly)$|^(\S+\s+){4}\S+$/, 'must be as cron writes it, such as 0 3 * * *')
          .default('0 3 * * *')
          .describe('when, as cron writes it'),
        keep: z.int().min(1).default(14).describe('how many are kept'),
      })
      .optional()
      .describe('backups of the Rancher; none when left out'),
  })
  .describe(
    "a cluster that is there, in which Rancher runs, its certificates by cert-manager; not the site's own cluster",
  )

const rancherVersion = z
  .string()
  .regex(/^[0-9]+\.[0-9]+$/, 'must be a minor version, such as "2.15"')
  .optional()
  .describe('its minor version, one of `catalog/rancher.yml`; the default there when left out')

const quantity = z.string().min(1).optional()

/** What Rancher can limit, of a project and of each namespace in it. */
const quota = z.strictObject({
  limitsCpu: quantity.describe('such as 8000m'),
  limitsMemory: quantity.describe('such as 16384Mi'),
  requestsCpu: quantity,
  requestsMemory: quantity,
  requestsStorage: quantity,
  persistentVolumeClaims: quantity,
  pods: quantity,
  secrets: quantity,
  services: quantity,
})

const rancherProject = z
  .strictObject({
    all: quota.describe('what all namespaces of the site and its accounts have together'),
    namespace: quota.describe('what one of them has of it, unless it says otherwise'),
    container: z
      .strictObject({ limitsCpu: quantity, limitsMemory: quantity, requestsCpu: quantity, requestsMemory: quantity })
      .optional()
      .describe('what a container has that says nothing'),
  })
  .refine(
    ({ all, namespace }) => Object.keys(all).toSorted().join() === Object.keys(namespace).toSorted().join(),
    'must limit the same of all and of each namespace: Rancher asks for both',
  )
  .optional()
  .describe("limits of the site's project in Rancher; none when left out")

export const rancherSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none').describe('no Rancher') }),
  z.strictObject({
    kind: z.literal('existing').describe('a Rancher that is there'),
    url: z.url().describe('its address'),
    token: secretRef.describe('API token'),
    version: rancherVersion,
    limits: rancherProject,
  }),
  z.strictObject({
    kind: z
      .literal('create')
      .describe(
        'a Rancher of its own, made before the cluster: on a machine at Hetzner (`type`), or in a cluster that is there (`cluster`)',
      ),
    hostname: z
      .string()
      .regex(
        /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/,
        'must be a host name, such as rancher.example.org',
      )
      .describe(
        'its host name, which must lead to the machine: `up` says the address and waits. It stays: all agents know it',
      ),
    type: z
      .string()
      .min(1)
      .optional()
      .describe('machine type at Hetzner that it runs on, with 2 cores and 8 GB at least, such as cx33'),
    cluster: rancherCluster.optional(),
    hcloudToken: secretRef
      .optional()
      .describe(
        'API token of the project at Hetzner, with write access; that of the machines when left out, where these are there, too',
      ),
    location: z.string().min(1).default('fsn1').describe('location of the machine'),
    acmeEmail: z.email().describe("address for Let's Encrypt, which makes its certificate"),
    sshKeys: z.array(z.string().min(1)).default([]).describe('names of SSH keys of the project that may sign in'),
    adminCidrs: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "addresses from where SSH and the API server of Rancher's own cluster can be reached; none: from nowhere",
      ),
    version: rancherVersion,
    limits: rancherProject,
  }),
])
