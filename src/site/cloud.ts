import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { usualCloudVersion, usualLocalVersion } from '../base/kubernetes-version.ts'
import type { Site } from './site.ts'

const taint = z.object({
  key: z.string(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
})

const pool = z.object({
  name: z.string(),
  role: z.string(),
  machineType: z.string().optional(),
  cores: z.number().optional(),
  memoryGb: z.number().optional(),
  size: z.int(),
  min: z.int().optional(),
  max: z.int().optional(),
  diskGb: z.int().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  taints: z.array(taint).optional(),
  /** Of each machine. */
  gpu: z.int().optional(),
})

/** A Rancher that `up` makes: a machine of its own at Hetzner. */
const rancherServer = z.object({
  hostname: z.string(),
  machineType: z.string(),
  location: z.string(),
  sshKeys: z.array(z.string()),
  /** Who reaches SSH and the Kubernetes API of its machine. */
  adminCidrs: z.array(z.string()),
  acmeEmail: z.string(),
})

/** A Rancher that `up` makes in a cluster that is there. */
export const rancherInCluster = z.object({
  hostname: z.string(),
  acmeEmail: z.string(),
  ingressClass: z.string(),
  replicas: z.int().positive(),
  backup: z
    .object({
      bucket: z.string(),
      endpoint: z.string(),
      region: z.string(),
      folder: z.string(),
      schedule: z.string(),
      keep: z.int().positive(),
    })
    .optional(),
})

const ofRancher = {
  url: z.string(),
  /** Minor version of the Rancher; that of `catalog/rancher.yml` when left out. */
  version: z.string().optional(),
  /** Left out, as `inCluster`: it is there. */
  server: rancherServer.optional(),
  inCluster: rancherInCluster.optional(),
  /** Of the site's project, in Rancher's words (`limits_cpu`, …); left out: none. */
  limits: z
    .object({
      quota: z.object({ project: z.record(z.string(), z.string()), namespace: z.record(z.string(), z.string()) }),
      container: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  /** Left out: none. */
  monitoring: z.object({ retention: z.string(), storageGb: z.int(), storageClass: z.string().optional() }).optional(),
  /** Who hears of alerts; what is secret of it comes with the site's secrets. */
  alerts: z
    .object({
      mail: z
        .object({ to: z.array(z.string()), from: z.string(), smarthost: z.string(), username: z.string().optional() })
        .optional(),
      /** In the order of the receivers' names, `receiver-<index>`. */
      kinds: z.array(z.enum(['mail', 'slack', 'webhook', 'pagerduty'])),
    })
    .optional(),
}

const existing = z.object({
  kind: z.literal('existing'),
  /** Nodes by role; none are touched when empty. */
  roles: z.record(
    z.string(),
    z.object({ nodes: z.array(z.string()), taints: z.array(taint).optional(), gpu: z.boolean().optional() }),
  ),
  storageClass: z.string().optional(),
  /** The cluster is made known to it. */
  rancher: z.object(ofRancher).optional(),
})

const hcloud = z.object({
  kind: z.literal('hcloud'),
  location: z.string(),
  sshKeys: z.array(z.string()),
  /** Who reaches SSH and the Kubernetes API. */
  adminCidrs: z.array(z.string()),
  pools: z.array(pool),
  /** Of Kubernetes; left out in sites of before: the usual one. */
  kubernetesVersion: z.string().optional(),
  /** The cluster is made known to it. */
  rancher: z.object(ofRancher).optional(),
})

const rancher = z.object({
  kind: z.literal('rancher'),
  ...ofRancher,
  driver: z.string(),
  machine: z.record(z.string(), z.unknown()),
  credentialName: z.string().optional(),
  pools: z.array(pool),
  distribution: z.enum(['rke2', 'k3s']).default('rke2'),
  /** Of Kubernetes; left out in sites of before: the usual one. */
  kubernetesVersion: z.string().optional(),
})

/** Where the machines of a site come from that is not on this computer; without secrets. */
export const cloudSchema = z.discriminatedUnion('kind', [existing, hcloud, rancher])
export type Cloud = Readonly<z.infer<typeof cloudSchema>>
export type OrderedPool = z.infer<typeof pool>
export type RancherCloud = z.infer<typeof rancher>
export type ExistingCloud = z.infer<typeof existing>
/** The Rancher that a site's cluster is by, or is made known to. */
export type SiteRancher = Pick<RancherCloud, keyof typeof ofRancher>

/** Where images are pushed to and pulled from; a path may come after the host. */
export const registrySchema = z.object({ push: z.string(), pull: z.string() })
export type ImageRegistry = Readonly<z.infer<typeof registrySchema>>

export type CloudKind = 'local' | Cloud['kind']

export function cloudOf({ layout }: Pick<Site, 'layout'>): Cloud | undefined {
  return layout?.cloud
}

export function kindOf(site: Pick<Site, 'layout'>): CloudKind {
  return cloudOf(site)?.kind ?? 'local'
}

/** Of Kubernetes, as the site is meant; `undefined`: the cluster is not ours to upgrade. */
export function kubernetesOf({ layout }: Pick<Site, 'layout'>): string | undefined {
  const cloud = layout?.cloud
  if (cloud === undefined) return layout?.kubernetesVersion ?? usualLocalVersion
  return cloud.kind === 'existing' ? undefined : (cloud.kubernetesVersion ?? usualCloudVersion)
}

/** `site` with the version of Kubernetes that `now` has: it never goes back, whatever else does. */
export function withKubernetesOf(now: Pick<Site, 'layout'>, site: Site): Site {
  const { layout } = site
  const kubernetesVersion = kubernetesOf(now)
  if (layout === undefined || kubernetesVersion === undefined || layout.cloud?.kind === 'existing') return site
  if (layout.cloud === undefined) return { ...site, layout: { ...layout, kubernetesVersion } }
  return { ...site, layout: { ...layout, cloud: { ...layout.cloud, kubernetesVersion } } }
}

/** Whether the site's cluster is elsewhere: people reach it by its names, not by ports of this machine. */
export function isFar(site: Pick<Site, 'layout'>): boolean {
  return kindOf(site) !== 'local'
}

/** Its machines are ordered of a cloud by Terraform. */
export function isOrdered(site: Pick<Site, 'layout'>): boolean {
  return ['hcloud', 'rancher'].includes(kindOf(site))
}

export function rancherOf(cloud: Cloud | undefined): SiteRancher | undefined {
  return cloud?.kind === 'rancher' ? cloud : cloud?.rancher
}

/** Plain machines of Hetzner that join a Rancher's cluster: Rancher itself makes, scales and drains none of them. */
export function isJoined(cloud: Cloud | undefined): boolean {
  return cloud?.kind === 'rancher' && cloud.driver === 'hetzner'
}

/** The Rancher is the site's own: `up` makes it, and it goes with the site. */
export function hasOwnRancher(cloud: Cloud | undefined): boolean {
  const { server, inCluster } = rancherOf(cloud) ?? {}
  return server !== undefined || inCluster !== undefined
}

/** The cluster is not a Rancher's, but one looks after it. */
export function isImported(cloud: Cloud | undefined): boolean {
  return cloud?.kind !== 'rancher' && rancherOf(cloud) !== undefined
}

export function registryOf({ layout }: Pick<Site, 'layout'>): ImageRegistry | undefined {
  return layout?.registry
}

/** How many machines must be there before anything is put on them. */
export function machineCount(site: Pick<Site, 'layout'>): number {
  const cloud = cloudOf(site)
  if (cloud === undefined || cloud.kind === 'existing') return 1
  return cloud.pools.reduce((sum, { size }) => sum + size, 0)
}

/** Which machines have GPUs: of pools the label tells, of nodes that are there their roles. */
export function gpuOf(cloud: Cloud | undefined): { readonly wanted: boolean; readonly roles: readonly string[] } {
  if (cloud?.kind !== 'existing')
    return { wanted: cloud?.pools.some(({ gpu }) => gpu !== undefined) === true, roles: [] }
  const roles = Object.entries(cloud.roles).flatMap(([role, { gpu }]) => (gpu === true ? [role] : []))
  return { wanted: roles.length > 0, roles }
}

export function mustBeExisting(cloud: Cloud | undefined): ExistingCloud {
  if (cloud?.kind === 'existing') return cloud
  throw new AppError('bug', 'cloud-kind', `this is for provider existing, not ${cloud?.kind ?? 'local'}`)
}
