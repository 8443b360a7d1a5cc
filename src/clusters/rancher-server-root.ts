import type { ClusterKeys } from './cluster-keys.ts'
import { expression } from './expression.ts'
import type { RancherLine } from './rancher-versions.ts'
import type { TerraformRoot } from './root.ts'

/** A Rancher of a site's own on a machine at Hetzner. No secret is among it: those come by the environment. */
export interface RancherServerSettings {
  /** Of the machine. */
  readonly name: string
  readonly hostname: string
  readonly machineType: string
  readonly location: string
  readonly sshKeys: readonly string[]
  /** Who reaches SSH and the Kubernetes API of the machine. */
  readonly adminCidrs: readonly string[]
  readonly acmeEmail: string
  /** The project's folder `terraform/`, relative to the folder of the root. */
  readonly modules: string
  /** Hetzner's protection against deletion goes: before it is removed for good. */
  readonly unprotected?: boolean
}

/** Stage `rancher`: the machine. Output `address` is where its name must lead to. */
export function rancherServerRoot(settings: RancherServerSettings, line: RancherLine): TerraformRoot {
  const variables = {
    name: settings.name,
    hostname: settings.hostname,
    server_type: settings.machineType,
    location: settings.location,
    ssh_keys: settings.sshKeys,
    ssh_ranges: settings.adminCidrs,
    api_ranges: settings.adminCidrs,
    acme_email: settings.acmeEmail,
    rancher_version: line.version,
    protected: settings.unprotected !== true,
  }
  return root({
    source: `${settings.modules}/rancher-server`,
    providers: { hcloud: { source: 'hetznercloud/hcloud', version: '~> 1.54' } },
    provider: { hcloud: {} },
    variables,
    secrets: { bootstrap_password: 'string', keys: 'any' },
    outputs: { address: false, url: false, kubeconfig: true },
  })
}

/** Stage `rancher-admin`: the first sign-in there, which gives the admin the password and us the token. */
export function rancherAdminRoot(
  { url, modules, renew }: { readonly url: string; readonly modules: string; readonly renew: boolean },
  line: RancherLine,
): TerraformRoot {
  return root({
    source: `${modules}/rancher-server/bootstrap`,
    providers: { rancher2: { source: 'rancher/rancher2', version: line.provider } },
    provider: { rancher2: { api_url: '${var.rancher_url}', bootstrap: true, timeout: '20m' } },
    variables: { renew_token: renew },
    access: { rancher_url: url },
    secrets: { bootstrap_password: 'string', admin_password: 'string' },
    outputs: { url: false, token: true },
  })
}

export interface RancherServerSecrets {
  /** Of Hetzner's API. */
  readonly token: string
  readonly bootstrapPassword: string
  /** Of the cluster that the Rancher itself runs in. */
  readonly keys: ClusterKeys
}

export function rancherServerEnv({ token, bootstrapPassword, keys }: RancherServerSecrets): Record<string, string> {
  return { HCLOUD_TOKEN: token, TF_VAR_bootstrap_password: bootstrapPassword, TF_VAR_keys: expression(keys) }
}

export function rancherAdminEnv(secrets: { bootstrapPassword: string; adminPassword: string }): Record<string, string> {
  return { TF_VAR_bootstrap_password: secrets.bootstrapPassword, TF_VAR_admin_password: secrets.adminPassword }
}

interface Parts {
  readonly source: string
  readonly providers: Readonly<Record<string, object>>
  readonly provider: Readonly<Record<string, object>>
  /** Of the module. */
  readonly variables: Readonly<Record<string, unknown>>
  /** Of the root alone. */
  readonly access?: Readonly<Record<string, string>>
  /** Types by name; their values come by the environment. */
  readonly secrets: Readonly<Record<string, string>>
  /** Whether they are secret, by name. */
  readonly outputs: Readonly<Record<string, boolean>>
}

function root({ source, providers, provider, variables, access = {}, secrets, outputs }: Parts): TerraformRoot {
  const given = [...Object.keys(variables), ...Object.keys(secrets)]
  return {
    main: {
      terraform: { required_providers: providers, backend: { http: {} } },
      variable: {
        ...Object.fromEntries([...Object.keys(access), ...Object.keys(variables)].map((name) => [name, {}])),
        ...Object.fromEntries(Object.entries(secrets).map(([name, type]) => [name, { type, sensitive: true }])),
      },
      provider,
      module: { rancher: { source, ...Object.fromEntries(given.map((name) => [name, `\${var.${name}}`])) } },
      output: Object.fromEntries(
        Object.entries(outputs).map(([name, sensitive]) => [
          name,
          { value: `\${module.rancher.${name}}`, ...(sensitive ? { sensitive } : {}) },
        ]),
      ),
    },
    variables: { ...access, ...variables },
  }
}
