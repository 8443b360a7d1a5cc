import type { Manifest } from '../adapters/kubernetes/port.ts'
import { givenSecrets, type SiteSecrets } from './secrets.ts'

export const secretLabels = { 'app.kubernetes.io/part-of': 'omegaml' } as const
const services = 'omegaml-services'
const runtime = 'omegaml-runtime'

/** Says whose namespace it is where clusters are shared with others. */
export const siteLabel = 'omegaml.io/site'

/** The namespaces of the site itself; accounts get theirs from the service. */
export function namespaceManifests(site?: string): Manifest[] {
  const labels = { ...secretLabels, ...(site === undefined ? {} : { [siteLabel]: site }) }
  return [services, runtime].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }))
}

/** The generated secrets, put (back) into the cluster beside the volumes that know them. */
export function secretManifests(secrets: SiteSecrets): Manifest[] {
  return [
    secret(services, 'mongodb-admin', { username: 'admin', password: secrets.mongodbAdmin }),
    secret(services, 'mysql-root', { password: secrets.mysqlRoot }),
    secret(services, 'mysql-users', {
      'omegaweb-password': secrets.mysqlOmegaweb,
      'cloudmgr-password': secrets.mysqlCloudmgr,
      'jupyterhub-password': secrets.mysqlJupyterhub,
    }),
    secret(services, 'rabbitmq-admin', {
      username: 'admin',
      password: secrets.rabbitmqAdmin,
      'erlang-cookie': secrets.rabbitmqCookie,
    }),
    secret(services, 'rabbitmq-users', { 'omegaweb-password': secrets.rabbitmqOmegaweb }),
    secret(services, 'cloudmgr-keys', { 'settings-keys': secrets.settingsKeys }),
    secret(services, 'cloudmgr-engine-keys', { 'engine-keys': secrets.engineKeys }),
    // Of no use once the service has its admin: its database knows that.
    secret(services, 'cloudmgr-bootstrap', { 'bootstrap-key': secrets.bootstrapKey }),
    secret(services, 'jupyterhub', {
      'jyadmin-apikey': secrets.jyadminApikey,
      'api-token': secrets.jupyterhubApiToken,
      'cookie-secret': secrets.jupyterhubCookieSecret,
      'proxy-token': secrets.jupyterhubProxyToken,
      'oidc-secret': secrets.jupyterhubOidcSecret,
    }),
    ...Object.entries(givenSecrets(secrets)).map(([name, values]) => secret(services, name, values)),
    secret(runtime, 'omworker', { userid: 'omworker', apikey: secrets.omworkerApikey }),
  ]
}

export function secret(namespace: string, name: string, values: Readonly<Record<string, string>>): Manifest {
  const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: secretLabels },
    type: 'Opaque',
    data: Object.fromEntries(data),
  }
}
