import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { PoolProvider } from '../actions/engine-root.ts'
import { createRancher } from '../adapters/rancher/http.ts'
import type { OidcClient } from '../api/oidc/provider.ts'
import { AppError } from '../base/errors.ts'
import { hcloudJoin } from '../clusters/hcloud-nodepool-root.ts'
import { type RancherHandover, rancherHandover } from '../clusters/ordered-pools.ts'
import { loadProvider } from '../clusters/provider.ts'
import type { DatabaseOptions } from '../db/database.ts'
import { parseSiteFacts, type SiteFacts } from '../deployments/site-facts.ts'

type Env = Readonly<Record<string, string | undefined>>

/** A variable that must be there; the error names it and says what it is for. */
export function required(env: Env, name: string, meaning: string): string {
  const value = env[name]
  if (value !== undefined && value !== '') return value
  throw new AppError('invalid', 'variable-missing', `the variable ${name} is missing: ${meaning}`, {
    details: { field: name },
  })
}

export function portOf(env: Env, name: string, otherwise: number): number {
  const value = env[name]
  if (value === undefined || value === '') return otherwise
  const port = Number(value)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new AppError('invalid', 'variable-invalid', `the variable ${name} is '${value}', not a port from 1 to 65535`)
}

/** `CLOUDMGR_DATABASE_URL`, or the parts of a MySQL one with the password apart. */
export function databaseOf(env: Env): string | DatabaseOptions {
  const url = env['CLOUDMGR_DATABASE_URL']
  if (url !== undefined && url !== '') return url
  return {
    kind: 'mysql',
    host: required(env, 'CLOUDMGR_DATABASE_HOST', 'host of the MySQL server, unless CLOUDMGR_DATABASE_URL is given'),
    port: portOf(env, 'CLOUDMGR_DATABASE_PORT', 3306),
    user: required(env, 'CLOUDMGR_DATABASE_USER', 'user of the MySQL server'),
    password: required(env, 'CLOUDMGR_DATABASE_PASSWORD', 'password of CLOUDMGR_DATABASE_USER'),
    database: env['CLOUDMGR_DATABASE_NAME'] ?? 'cloudmgr',
    tls: env['CLOUDMGR_DATABASE_TLS'] === 'yes',
  }
}

/** Servers of MongoDB that are spoken to by TLS: the site's where it says so, never those of accounts' own. */
export function tlsServersOf(env: Env, site: SiteFacts): readonly string[] {
  return env['CLOUDMGR_MONGODB_TLS'] === 'yes' ? [site.mongo.internalHost] : []
}

/** The cloud that nodes are ordered of; undefined where the site has none. */
export function poolProviderOf(env: Env, catalogue: string): PoolProvider | undefined {
  const name = env['CLOUDMGR_PROVIDER']
  if (name === undefined || name === '') return undefined
  const cluster = required(env, 'CLOUDMGR_PROVIDER_CLUSTER', 'name of the cluster that ordered nodes join')
  if (name === 'rancher') {
    const handover = async () => rancherHandover.parse(settingsOf(env))
    const api = createRancher()
    const sizes = async ({ url, token }: RancherHandover) => await api.poolSizes(url, token, cluster)
    const takeServiceTokens = async ({ url, token }: RancherHandover, id: string) =>
      await api.takeServiceTokens(url, token, id)
    // What can be ordered there is what the site's own pools have.
    const provider = { provider: name, title: 'A Rancher', nodeTypes: {} }
    const rancher = { site: cluster, handover, sizes, takeServiceTokens }
    return { provider, site: { cluster, endpoint: '', ca: '' }, env: {}, rancher }
  }
  const provider = loadProvider(catalogue, name)
  const token = required(env, 'CLOUDMGR_PROVIDER_TOKEN', 'token of the provider’s API')
  if (name === 'hcloud') {
    const site = { cluster, endpoint: '', ca: '' }
    return { provider, site, env: { HCLOUD_TOKEN: token }, hcloud: async () => hcloudJoin.parse(settingsOf(env)) }
  }
  return {
    provider,
    site: {
      cluster,
      endpoint: required(env, 'CLOUDMGR_PROVIDER_ENDPOINT', 'address of the provider’s API'),
      ca: required(env, 'CLOUDMGR_PROVIDER_CA', 'PEM of the authority of CLOUDMGR_PROVIDER_ENDPOINT'),
    },
    env: { LOCALCLOUD_TOKEN: token },
    simulated: env['CLOUDMGR_PROVIDER_SIMULATED'] === 'yes',
  }
}

/** What `up` handed over of the site's cluster; a file, so that another `up` reaches an engine that runs. */
function settingsOf(env: Env): unknown {
  const file = required(env, 'CLOUDMGR_PROVIDER_SETTINGS', 'file of what machines need to join the site’s cluster')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  const text = `the file ${file} that CLOUDMGR_PROVIDER_SETTINGS names is not there: ./cloudmgr up writes it (Secret cloudmgr-provider, key settings)`
  throw new AppError('unavailable', 'provider-settings-missing', text)
}

/** What the site's ConfigMap says, from the file that `CLOUDMGR_SITE` names. */
export function siteOf(env: Env): SiteFacts {
  const file = required(env, 'CLOUDMGR_SITE', 'path of the site’s facts (YAML)')
  if (!existsSync(file)) {
    throw new AppError('invalid', 'site-facts-missing', `the file ${file} that CLOUDMGR_SITE names does not exist`)
  }
  return parseSiteFacts(parse(readFileSync(file, 'utf8')), file)
}

/** JupyterHub signs people in through us where it was given a secret for that. */
export function oidcClientsOf(env: Env, site: SiteFacts): OidcClient[] {
  const secret = env['CLOUDMGR_JUPYTERHUB_OIDC_SECRET']
  if (secret === undefined || secret === '') return []
  const callback = `${site.notebookUrl.replace(/\/+$/, '')}/hub/oauth_callback`
  return [{ id: 'jupyterhub', secret, redirectUris: [callback] }]
}
