import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { backendFile } from '../adapters/terraform/port.ts'
import type { TerraformRoot } from './root.ts'

/** Terraform's own backends, with the setting that usually tells roots apart. */
export const backendKeys = {
  azurerm: 'key',
  consul: 'path',
  cos: 'key',
  gcs: 'prefix',
  http: 'address',
  kubernetes: 'secret_suffix',
  local: 'path',
  oss: 'key',
  pg: 'schema_name',
  s3: 'key',
} as const

export type BackendName = keyof typeof backendKeys

/** Settings that are secrets, and the variables in whose place Terraform takes them. */
export const secretSettings: Readonly<Record<BackendName, Readonly<Record<string, string>>>> = {
  azurerm: {
    access_key: 'ARM_ACCESS_KEY',
    sas_token: 'ARM_SAS_TOKEN',
    client_secret: 'ARM_CLIENT_SECRET',
    client_certificate_password: 'ARM_CLIENT_CERTIFICATE_PASSWORD',
  },
  consul: { access_token: 'CONSUL_HTTP_TOKEN', http_auth: 'CONSUL_HTTP_AUTH' },
  cos: {
    secret_id: 'TENCENTCLOUD_SECRET_ID',
    secret_key: 'TENCENTCLOUD_SECRET_KEY',
    security_token: 'TENCENTCLOUD_SECURITY_TOKEN',
  },
  gcs: {
    credentials: 'GOOGLE_BACKEND_CREDENTIALS',
    access_token: 'GOOGLE_OAUTH_ACCESS_TOKEN',
    encryption_key: 'GOOGLE_ENCRYPTION_KEY',
  },
  http: { password: 'TF_HTTP_PASSWORD', client_private_key_pem: 'TF_HTTP_CLIENT_PRIVATE_KEY_PEM' },
  kubernetes: { token: 'KUBE_TOKEN', password: 'KUBE_PASSWORD', client_key: 'KUBE_CLIENT_KEY_DATA' },
  local: {},
  oss: {
    access_key: 'ALICLOUD_ACCESS_KEY',
    secret_key: 'ALICLOUD_SECRET_KEY',
    security_token: 'ALICLOUD_SECURITY_TOKEN',
  },
  pg: { conn_str: 'PG_CONN_STR' },
  s3: {
    access_key: 'AWS_ACCESS_KEY_ID',
    secret_key: 'AWS_SECRET_ACCESS_KEY',
    token: 'AWS_SESSION_TOKEN',
    sse_customer_key: 'AWS_SSE_CUSTOMER_KEY',
  },
}

/** One of Terraform's own backends in place of the engine's. Its secrets come by the environment of a run. */
export interface OutsideBackend {
  readonly backend: string
  /** `{root}` in a text is the root's name. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** The root with its state there. Settings are people's words: they go to a file of their own, never into templates. */
export function withOutsideBackend(
  root: TerraformRoot,
  name: string,
  outside: OutsideBackend | undefined,
): TerraformRoot {
  if (outside === undefined) return root
  const terraform = root.main['terraform'] as Readonly<Record<string, unknown>>
  const main = { ...root.main, terraform: { ...terraform, backend: { [outside.backend]: {} } } }
  return { ...root, main, backend: forRoot(outside.settings, name) as TerraformRoot['backend'] }
}

function forRoot(value: unknown, name: string): unknown {
  if (typeof value === 'string') return value.replaceAll('{root}', name)
  if (Array.isArray(value)) return value.map((item) => forRoot(item, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, forRoot(item, name)]))
}

/** Name of the backend of a root's folder that is not ours; `undefined`: the engine keeps its state. */
export function outsideBackendIn(folder: string): string | undefined {
  try {
    // Without it the root is ours, whatever else lies there.
    readFileSync(join(folder, backendFile))
    const { terraform } = JSON.parse(readFileSync(join(folder, 'main.tf.json'), 'utf8')) as {
      terraform?: { backend?: object }
    }
    return Object.keys(terraform?.backend ?? {})[0]
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}
