import { AppError } from '../base/errors.ts'
import { expandPlaceholders } from './placeholders.ts'
import { notebookUrl, type Qualifier, type Settings } from './settings.ts'
import type { SiteFacts } from './site-facts.ts'

export interface ConfigRequest {
  readonly userid: string
  readonly apikey: string
  readonly settings: Settings
  readonly site: SiteFacts
  /** One of the settings' own. */
  readonly qualifier: string
  /** As it was asked for, such as `team:special`; default: the same. */
  readonly asked?: string
  /** All that the account may ask for. */
  readonly qualifiers: readonly string[]
  /** The view from inside the cluster. */
  readonly inCluster: boolean
}

export type Config = Readonly<Record<string, unknown>>

/**
 * What the omega-ml client gets from `GET /api/v1/config/`. All keys are upper-case (others are dropped by the client),
 * the TLS flags are booleans (anything else breaks it), and URLs hold no character that would need decoding.
 */
export function configFor(request: ConfigRequest): Config {
  const { settings, site, inCluster } = request
  const chosen = qualifierOf(request)
  const publicTls = settings.services.omegaml?.use_ssl ?? site.tls
  const mongoTls = inCluster ? mongoInternalTls(chosen, site) : publicTls
  const brokerTls = inCluster ? (site.broker.internalTls ?? site.internalTls) : publicTls
  const config = {
    OMEGA_USERID: request.userid,
    OMEGA_APIKEY: request.apikey,
    OMEGA_QUALIFIER: request.asked ?? request.qualifier,
    OMEGA_QUALIFIERS: request.qualifiers,
    OMEGA_MONGO_URL: mongoUrl(chosen, site, inCluster),
    OMEGA_MONGO_COLLECTION: 'omegaml',
    OMEGA_NOTEBOOK_COLLECTION: settings.services.omegaml?.notebook_collection ?? 'ipynb',
    OMEGA_MONGO_SSL_KWARGS: { tls: mongoTls },
    OMEGA_USESSL: mongoTls,
    OMEGA_CELERY_CONFIG: celeryConfig(request, chosen, brokerTls),
    ...(inCluster ? workloadConfig(settings, site) : {}),
    ...site.defaults,
    ...settings.services.omegaml?.defaults,
    ...(inCluster ? settings.services.omegaml?.['defaults.in'] : {}),
  }
  return expandPlaceholders(config, placeholders(request))
}

export function hasQualifier(settings: Settings, qualifier: string): boolean {
  return Object.hasOwn(settings.qualifiers, qualifier)
}

function qualifierOf({ settings, userid, qualifier, asked = qualifier }: ConfigRequest): Qualifier {
  const found = hasQualifier(settings, qualifier) ? settings.qualifiers[qualifier] : undefined
  if (found === undefined) throw noService(userid, asked)
  return found.sharedBy !== undefined && found.brokeruser === undefined ? withOwnBroker(found, settings) : found
}

/** What is shared for reading comes without a broker: tasks go the account's own way. */
function withOwnBroker(found: Qualifier, { qualifiers }: Settings): Qualifier {
  const { mongodbname: _name, mongouser: _user, mongopassword: _password, ...own } = qualifiers['default'] ?? found
  const { mongohost: _host, 'mongohost.in': _inside, ...broker } = own
  return { ...broker, ...found }
}

/** In the words of the original: clients show them. */
export function noService(user: string, qualifier: string): AppError {
  return new AppError('not-found', 'no-service', `no service available for user ${user} and qualifier ${qualifier}`, {
    details: { user, qualifier },
  })
}

function mongoUrl(chosen: Qualifier, site: SiteFacts, inCluster: boolean): string {
  const inside = chosen['mongohost.in']
  // A server that only the cluster reaches: from outside its name leads nowhere, and its password to no other server.
  const host = inCluster ? (inside ?? site.mongo.internalHost) : (chosen.mongohost ?? inside ?? site.mongo.publicHost)
  return `mongodb://${chosen.mongouser}:${chosen.mongopassword}@${host}/${chosen.mongodbname}`
}

/** Servers of accounts' own are in the cluster, and never have TLS. */
function mongoInternalTls(chosen: Qualifier, site: SiteFacts): boolean {
  return chosen['mongohost.in'] === undefined && (site.mongo.internalTls ?? site.internalTls)
}

function brokerUrl(chosen: Qualifier, site: SiteFacts, inCluster: boolean): string {
  const host = inCluster
    ? (chosen['brokerhost.in'] ?? site.broker.internalHost)
    : (chosen.brokerhost ?? site.broker.publicHost)
  const login = chosen.brokeruser === undefined ? '' : `${chosen.brokeruser}:${chosen.brokerpassword ?? ''}@`
  return `amqp://${login}${host}/${chosen.brokervhost ?? site.broker.vhost}`
}

function celeryConfig({ settings, site, inCluster }: ConfigRequest, chosen: Qualifier, tls: boolean): Config {
  const omegaml = settings.services.omegaml
  const queue = chosen.routing ?? omegaml?.default_queue ?? 'default'
  return {
    BROKER_URL: brokerUrl(chosen, site, inCluster),
    BROKER_USE_SSL: tls,
    CELERY_RESULT_BACKEND: 'rpc://',
    CELERY_ACCEPT_CONTENT: ['pickle', 'json'],
    // JSON would turn the task's token into a list, which the worker's cache refuses as a key.
    CELERY_TASK_SERIALIZER: 'pickle',
    CELERY_ALWAYS_EAGER: omegaml?.celery_eager ?? false,
    CELERY_DEFAULT_QUEUE: queue,
    ...(chosen.exchange === undefined
      ? {}
      : { CELERY_DEFAULT_EXCHANGE: chosen.exchange, CELERY_DEFAULT_ROUTING_KEY: queue }),
    // Old-style name, as all of them: celery refuses a mixture.
    ...(omegaml?.remote_control === undefined ? {} : { CELERY_ENABLE_REMOTE_CONTROL: omegaml.remote_control }),
  }
}

/** What JupyterHub's spawner and the workers' deployment read. */
function workloadConfig({ services }: Settings, site: SiteFacts): Config {
  const { jupyter, runtime } = services
  return {
    // Said only where it holds: the spawner then tells it to whoever wants to start a server.
    ...(jupyter?.enabled === false ? { JUPYTER_SUSPENDED: true } : {}),
    JUPYTER_IMAGE: jupyter?.image ?? site.images.jupyter ?? site.images.runtime,
    JUPYTER_NODE_SELECTOR: jupyter?.node_selector ?? site.nodeSelector.worker,
    JUPYTER_NAMESPACE: jupyter?.namespace ?? site.namespaces.runtime,
    JUPYTER_AFFINITY_ROLE: jupyter?.affinity_role ?? site.affinityRole,
    JUPYTER_CONFIG: jupyterConfig({ ...site.jupyterConfig, ...jupyter?.config }, site),
    RUNTIME_WORKER_IMAGE: runtime?.image ?? site.images.runtime,
    RUNTIME_NODE_SELECTOR: runtime?.node_selector ?? site.nodeSelector.worker,
    RUNTIME_NAMESPACE: runtime?.namespace ?? site.namespaces.runtime,
    RUNTIME_AFFINITY_ROLE: runtime?.affinity_role ?? site.affinityRole,
    CLUSTER_STORAGE: { volumes: [], volumeMounts: [], ...(services.cluster?.storage ?? site.storage) },
  }
}

function jupyterConfig(config: Config, { pip }: SiteFacts): Config {
  return Object.keys(pip).length === 0 ? config : { ...config, ENVS: { ...pip, ...(config['ENVS'] as object) } }
}

/** A fixed map: never the process's environment, never a secret. */
function placeholders({
  userid,
  settings,
  site,
  qualifier,
  asked = qualifier,
  inCluster,
}: ConfigRequest): Readonly<Record<string, string>> {
  return {
    username: userid,
    USERNAME: userid,
    OMEGA_USERID: userid,
    OMEGA_QUALIFIER: asked,
    OMEGA_DOMAIN: site.domain,
    OMEGA_RESTAPI_URL: inCluster ? site.internalUrl : site.publicUrl,
    OMEGA_NOTEBOOK_URL: notebookUrl(userid, settings, site),
  }
}
