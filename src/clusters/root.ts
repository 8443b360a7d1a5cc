import type { MachineSpec, Machines } from './profiles.ts'

/** What a local site's Terraform roots are written from. */
export interface LocalSite {
  readonly name: string
  readonly domain: string
  /** Such as `1.37.2`. */
  readonly kubernetesVersion: string
  /** Of the local cloud's API: `unix:///…/api.sock`. */
  readonly endpoint: string
  /** Without an address: of the loopback. */
  readonly ports: readonly { readonly host: number; readonly node: number; readonly address?: string }[]
  /** Sizes in GB by name. */
  readonly volumes: Readonly<Record<string, number>>
  readonly machines: Machines
  /** The project's folder `terraform/`, relative to the folder of the root (`../../…`), so that it is read in place. */
  readonly modules: string
}

/**
 * A root as it is written: `main` is main.tf.json, `variables` is terraform.tfvars.json. Strings in the former are
 * templates to Terraform, in the latter they are not: whatever people may choose goes to the latter only.
 */
export interface TerraformRoot {
  readonly main: Readonly<Record<string, unknown>>
  readonly variables: Readonly<Record<string, unknown>>
  /** Settings of a backend outside. */
  readonly backend?: Readonly<Record<string, unknown>> | undefined
}

export const providerSource = 'registry.opentofu.org/omegaml/localcloud'

/** Stage `volumes`: kept when the cluster goes. */
export function volumesRoot(site: LocalSite): TerraformRoot {
  const sizes = Object.entries(site.volumes).map(([name, sizeGb]) => [name, { size_gb: sizeGb }])
  return root({
    module: 'volumes',
    source: `${site.modules}/local-volumes`,
    variables: { volumes: Object.fromEntries(sizes) },
    outputs: ['paths'],
    endpoint: site.endpoint,
  })
}

/** Stage `cluster`: the cluster and the site's own machines. */
export function clusterRoot(site: LocalSite): TerraformRoot {
  const machines = Object.entries(site.machines).map(([name, machine]) => [name, machineValues(machine)])
  return root({
    module: 'cluster',
    source: `${site.modules}/local`,
    variables: {
      name: site.name,
      kubernetes_version: site.kubernetesVersion,
      domain: site.domain,
      volumes: Object.keys(site.volumes),
      ports: site.ports.map(({ host, node, address }) => ({ host, node, address: address ?? null })),
      machines: Object.fromEntries(machines),
    },
    outputs: ['api_server', 'ca', 'registry', 'dns', 'gateway', 'machines'],
    secretOutputs: ['kubeconfig'],
    endpoint: site.endpoint,
  })
}

export interface PoolSite {
  /** Name of the cluster that the machines join. */
  readonly cluster: string
  /** Of the provider's API as the engine reaches it. */
  readonly endpoint: string
  /** PEM of the authority of `endpoint`. */
  readonly ca: string
  /** The project's folder `terraform/`, relative to the folder of the root. */
  readonly modules: string
}

/** An ordered pool: a root of its own, whose state the engine keeps. The provider's token comes by its environment. */
export function nodepoolRoot(site: PoolSite, machines: Machines): TerraformRoot {
  const values = Object.entries(machines).map(([name, machine]) => [name, machineValues(machine)])
  return root({
    module: 'nodepool',
    source: `${site.modules}/local-nodepool`,
    variables: { cluster: site.cluster, machines: Object.fromEntries(values) },
    outputs: ['machines'],
    endpoint: site.endpoint,
    ca: site.ca,
  })
}

/** A cluster that was ordered beside the site's own. */
export interface OrderedCluster {
  readonly name: string
  /** Its DNS answers this domain. */
  readonly domain: string
  /** Ports of its own address that lead to node ports of the site's cluster. */
  readonly links: readonly { readonly port: number; readonly node: number }[]
  readonly machines: Machines
}

/** An ordered cluster with its machines: a root of its own, whose state the engine keeps. */
export function orderedClusterRoot(site: PoolSite, cluster: OrderedCluster): TerraformRoot {
  const machines = Object.entries(cluster.machines).map(([name, machine]) => [name, machineValues(machine)])
  return root({
    module: 'cluster',
    source: `${site.modules}/local`,
    variables: {
      name: cluster.name,
      domain: cluster.domain,
      links: cluster.links.map(({ port, node }) => ({ port, node })),
      machines: Object.fromEntries(machines),
    },
    outputs: ['api_server', 'dns', 'machines'],
    secretOutputs: ['kubeconfig'],
    endpoint: site.endpoint,
    ca: site.ca,
  })
}

/** An ordered volume, whose state the engine keeps. */
export function volumeRoot(site: PoolSite, name: string, sizeGb: number): TerraformRoot {
  return root({
    module: 'volumes',
    source: `${site.modules}/local-volumes`,
    variables: { volumes: { [name]: { size_gb: sizeGb } } },
    outputs: ['paths'],
    endpoint: site.endpoint,
    ca: site.ca,
  })
}

function machineValues(machine: MachineSpec): Record<string, unknown> {
  return {
    role: machine.role,
    cores: machine.cores,
    memory_gb: machine.memoryGb,
    labels: machine.labels ?? {},
    taints: (machine.taints ?? []).map(({ key, value, effect }) => ({ key, value: value ?? '', effect })),
    simulated: machine.simulated ?? false,
    ...(machine.gpu === undefined ? {} : { gpu: machine.gpu }),
  }
}

interface Parts {
  readonly module: string
  readonly source: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly outputs: readonly string[]
  readonly secretOutputs?: readonly string[]
  readonly endpoint: string
  /** Given, the API is far: its certificate is checked. */
  readonly ca?: string
}

function root(parts: Parts): TerraformRoot {
  const names = Object.keys(parts.variables)
  const passed = names.map((name) => [name, `\${var.${name}}`])
  const far = parts.ca !== undefined
  const own = ['endpoint', ...(far ? ['ca_certificate'] : [])]
  const output = (name: string) => ({ value: `\${module.${parts.module}.${name}}` })
  return {
    main: {
      terraform: {
        required_providers: { localcloud: { source: providerSource, version: '~> 0.1' } },
        // The state lies with the engine that runs it: the service's, or the one inside the CLI.
        backend: { http: {} },
      },
      // The types are the module's: it checks what it is given.
      variable: Object.fromEntries([...own, ...names].map((name) => [name, {}])),
      provider: { localcloud: Object.fromEntries(own.map((name) => [name, `\${var.${name}}`])) },
      module: { [parts.module]: { source: parts.source, ...Object.fromEntries(passed) } },
      output: Object.fromEntries([
        ...parts.outputs.map((name) => [name, output(name)]),
        ...(parts.secretOutputs ?? []).map((name) => [name, { ...output(name), sensitive: true }]),
      ]),
    },
    variables: { endpoint: parts.endpoint, ...(far ? { ca_certificate: parts.ca } : {}), ...parts.variables },
  }
}
