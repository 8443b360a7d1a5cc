import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Nodepool, poolMachines, poolName } from './nodepool.ts'
import { machineTypeOf, nodeTypeOf, type Provider } from './provider.ts'
import type { TerraformRoot } from './root.ts'

/** How machines join a cluster at Hetzner: output `joining` of module hcloud-cluster, and the token of workers. */
export const hcloudJoining = z.strictObject({
  network_id: z.int(),
  network_range: z.string().min(1),
  /** Left out by sites of before. */
  subnet_id: z.string().min(1).optional(),
  firewall_id: z.int(),
  /** Private address of the control plane. */
  server: z.string().min(1),
  location: z.string().min(1),
  image: z.string().min(1),
  ssh_keys: z.array(z.string()),
  k3s_version: z.string().min(1),
})

export const hcloudJoin = z.strictObject({ joining: hcloudJoining, agentToken: z.string().min(1) })
export type HcloudJoin = Readonly<z.infer<typeof hcloudJoin>>

export interface HcloudPoolSite {
  readonly cluster: string
  readonly joining: HcloudJoin['joining']
  /** The project's folder `terraform/`, relative to the folder of the root. */
  readonly modules: string
}

/** Machines by the names that they have at Hetzner and as nodes, as module hcloud-nodepool takes them. */
export type HcloudMachines = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** The pool's machines; one more or less leaves the others alone. */
export function hcloudMachines(pool: Nodepool, type: string, cluster: string, provider: Provider): HcloudMachines {
  const machines = poolMachines(pool, nodeTypeOf(provider, type))
  return Object.fromEntries(
    Object.entries(machines).map(([name, { role, labels = {}, taints = [] }]) => [
      inProject(cluster, name),
      {
        role,
        server_type: machineTypeOf(provider, type),
        labels,
        taints: taints.map(({ key, value = '', effect }) => ({ key, value, effect })),
      },
    ]),
  )
}

/** An ordered pool at Hetzner: a root of its own, whose state the engine keeps. Tokens come by the environment. */
export function hcloudNodepoolRoot(
  { cluster, joining, modules }: HcloudPoolSite,
  pool: Pick<Nodepool, 'account' | 'name'>,
  machines: HcloudMachines,
): TerraformRoot {
  const variables = { cluster, pool: inProject(cluster, poolName(pool)), joining, machines }
  const names = [...Object.keys(variables), 'agent_token']
  return {
    main: {
      terraform: {
        required_providers: { hcloud: { source: 'hetznercloud/hcloud', version: '~> 1.54' } },
        backend: { http: {} },
      },
      variable: {
        ...Object.fromEntries(Object.keys(variables).map((name) => [name, {}])),
        agent_token: { type: 'string', sensitive: true },
      },
      provider: { hcloud: {} },
      module: {
        nodepool: {
          source: `${modules}/hcloud-nodepool`,
          ...Object.fromEntries(names.map((name) => [name, `\${var.${name}}`])),
        },
      },
      output: { machines: { value: '${module.nodepool.machines}' } },
    },
    variables,
  }
}

export function hcloudJoinEnv({ agentToken }: HcloudJoin): Readonly<Record<string, string>> {
  return { TF_VAR_agent_token: agentToken }
}

/** Several sites may share a project, where names are unique; host names have 63 letters at most. */
export function inProject(cluster: string, name: string, longest = 63): string {
  const whole = `${cluster}-${name}`
  if (whole.length <= longest) return whole
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 8)
  return `${whole.slice(0, longest - 9).replace(/-+$/, '')}-${digest}`
}
