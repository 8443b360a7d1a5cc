import { z } from 'zod'
import { type Machines, machinesOf } from '../clusters/profiles.ts'
import { cloudSchema, registrySchema } from './cloud.ts'
import type { ChartValues } from './file/chart-values.ts'
import type { Site } from './site.ts'

const tree = z.record(z.string(), z.unknown())

const taint = z.object({
  key: z.string(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
})

export const machinesSchema = z.record(
  z.string(),
  z.object({
    role: z.string(),
    cores: z.number(),
    memoryGb: z.number(),
    labels: z.record(z.string(), z.string()).optional(),
    taints: z.array(taint).optional(),
    simulated: z.boolean().optional(),
    gpu: z.int().optional(),
  }),
)

/** What a site file says of a site, without secrets; kept with the site, so that it stays when `up` is given no file. */
export const layoutSchema = z.object({
  /** Path of the file. */
  file: z.string(),
  machines: machinesSchema,
  /** Whether components select the machines of their role. */
  selectsRoles: z.boolean(),
  /** Sizes in GB by name. */
  volumes: z.record(z.string(), z.int()),
  /** Win over what plan `site` gives the charts. */
  values: z.object({
    'omegaml-storage': tree,
    'omegaml-system': tree,
    'omegaml-ingress': tree,
    'omegaml-worker': tree,
  }),
  /** Where the states of the Terraform roots lie; left out: in the site's journal. */
  state: z.object({ backend: z.string(), settings: tree }).optional(),
  /** Of Kubernetes on this computer; left out: the newest there. A cloud says its own. */
  kubernetesVersion: z.string().optional(),
  /** Left out: the machines are on this computer. */
  cloud: cloudSchema.optional(),
  /** Values of the chart that brings Prometheus, without our rules; left out: none, or a Rancher's. */
  monitoring: tree.optional(),
  /** Left out: the one of the local cloud. */
  registry: registrySchema.optional(),
})

export type Layout = Readonly<z.infer<typeof layoutSchema>>

const usualVolumes = { mongodb: 20, mysql: 5, rabbitmq: 2 } as const
const noValues: ChartValues = {
  'omegaml-storage': {},
  'omegaml-system': {},
  'omegaml-ingress': {},
  'omegaml-worker': {},
}

/** The site's machines, volumes and chart values: those of its file, else of its profile. */
export function layoutOf(site: Pick<Site, 'profile' | 'layout' | 'simulated'>): Omit<Layout, 'file'> {
  const { profile, layout, simulated } = site
  if (layout !== undefined) return layout
  const machines = machinesOf(profile) as Layout['machines']
  return {
    machines: simulated === true ? mapValues(machines, (machine) => ({ ...machine, simulated: true })) : machines,
    selectsRoles: profile !== 'single-node',
    // Simulated databases have no files.
    volumes: simulated === true ? {} : usualVolumes,
    values: noValues,
  }
}

function mapValues<Value>(
  map: Readonly<Record<string, Value>>,
  change: (value: Value) => Value,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]))
}

export function machinesFrom(layout: Pick<Layout, 'machines'>): Machines {
  return layout.machines as Machines
}
