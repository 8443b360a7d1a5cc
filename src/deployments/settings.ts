import { z } from 'zod'
import type { Account } from '../accounts/account.ts'
import { must } from '../base/errors.ts'
import type { SiteFacts } from './site-facts.ts'

const workload = z.looseObject({
  image: z.string().optional(),
  node_selector: z.string().optional(),
  namespace: z.string().optional(),
  affinity_role: z.string().optional(),
})

const settingsQualifier = z.looseObject({
  mongodbname: z.string(),
  mongouser: z.string(),
  mongopassword: z.string(),
  mongohost: z.string().optional(),
  'mongohost.in': z.string().optional(),
  brokeruser: z.string().optional(),
  brokerpassword: z.string().optional(),
  brokervhost: z.string().optional(),
  brokerhost: z.string().optional(),
  'brokerhost.in': z.string().optional(),
  /** Default queue, and the exchange that belongs to it. */
  routing: z.string().optional(),
  exchange: z.string().optional(),
  /** The account whose store it is, which gave it; its passwords are the share's. */
  sharedBy: z.string().optional(),
})

const brokerAccess = z.object({ user: z.string(), password: z.string(), vhost: z.string() })

/** Layout v3 of the original: what a deployment of an account holds, encrypted at rest. */
export const settingsSchema = z.looseObject({
  version: z.literal('v3').default('v3'),
  services: z
    .looseObject({
      notebook: z.looseObject({ url: z.string().optional() }).optional(),
      jupyter: workload
        .extend({
          config: z.record(z.string(), z.unknown()).optional(),
          /** False: no notebook server may start. */
          enabled: z.boolean().optional(),
        })
        .optional(),
      runtime: workload.optional(),
      omegaml: z
        .looseObject({
          defaults: z.record(z.string(), z.unknown()).optional(),
          'defaults.in': z.record(z.string(), z.unknown()).optional(),
          use_ssl: z.boolean().optional(),
          celery_eager: z.boolean().optional(),
          notebook_collection: z.string().optional(),
          default_queue: z.string().optional(),
          /** False on shared workers: nobody on the vhost may command them. */
          remote_control: z.boolean().optional(),
        })
        .optional(),
      cluster: z.looseObject({ storage: z.record(z.string(), z.unknown()).optional() }).optional(),
    })
    .default({}),
  qualifiers: z.record(z.string(), settingsQualifier),
  /** The two ways to the broker that an account may be switched between; both keep their words. */
  broker: z.object({ shared: brokerAccess, own: brokerAccess }).optional(),
  /** Of a database server: its administrator, whom nobody but the engine signs in as; as it lies in the row, `sealed`. */
  admin: z.object({ user: z.string(), password: z.string().optional(), sealed: z.string().optional() }).optional(),
  /** The account's databases on servers of their own, by the names of their deployments. */
  databases: z
    .record(
      z.string(),
      z.object({
        qualifier: z.string(),
        host: z.string(),
        user: z.string(),
        password: z.string(),
        database: z.string(),
      }),
    )
    .optional(),
  /** What other deployments of the account add to `services`, by their names. */
  additions: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
})

export type Settings = Readonly<z.infer<typeof settingsSchema>>
export type Qualifier = z.infer<typeof settingsQualifier>

/** Makes a word of letters and digits; a parameter, so that tests own it. */
export type WordMaker = (length: number) => string

/** Plans that come with credentials; others use those of their account's. */
export function hasSettings(plan: string): boolean {
  return plan === 'omegaml' || plan === 'shared-runtime' || plan === 'database'
}

/** Made once per deployment and kept: a repeated install changes nothing. Hosts are the site's and not stored. */
export function newSettings(plan: string, account: Account, site: SiteFacts, word: WordMaker): Settings {
  if (plan === 'database') return databaseSettings(word)
  return plan === 'shared-runtime' ? workerSettings(account, site, word) : accountSettings(account, site, word)
}

function accountSettings({ name }: Account, site: SiteFacts, word: WordMaker): Settings {
  const namespace = `om-${name}`
  const shared = credentials(name, site, word)
  return withBroker(
    {
      version: 'v3',
      services: {
        jupyter: { namespace, config: {} },
        runtime: { namespace },
      },
      qualifiers: { default: { ...shared, routing: `q-${name}`, exchange: `x-${name}` } },
    },
    name,
    site,
    word,
  )
}

/** With both ways to the broker; those of before this was known have only what they use. */
export function withBroker(settings: Settings, name: string, site: SiteFacts, word: WordMaker): Settings {
  if (settings.broker !== undefined) return settings
  const { brokeruser: user = `${name}${word(12)}`, brokerpassword: password = word(32) } = defaultOf(settings)
  const shared = { user, password, vhost: defaultOf(settings).brokervhost ?? site.broker.vhost }
  return { ...settings, broker: { shared, own: { user: `${name}${word(12)}`, password: word(32), vhost: word(32) } } }
}

/**
 * With the account's own virtual host, or on the shared one: there its tasks go through a queue and an exchange of its
 * own, on its own vhost every name is free.
 */
export function onBroker(settings: Settings, name: string, ownVhost: boolean): Settings {
  if (settings.broker === undefined) return settings
  const { user, password, vhost } = ownVhost ? settings.broker.own : settings.broker.shared
  const { routing: _routing, exchange: _exchange, ...rest } = defaultOf(settings)
  const names = ownVhost ? {} : { routing: `q-${name}`, exchange: `x-${name}` }
  const changed = { ...rest, brokeruser: user, brokerpassword: password, brokervhost: vhost, ...names }
  return { ...settings, qualifiers: { ...settings.qualifiers, default: changed } }
}

function defaultOf(settings: Settings): Qualifier {
  return must(settings.qualifiers['default'], 'the qualifier `default`')
}

/** New passwords, same names: the data stays where it is. */
export function withNewPasswords(settings: Settings, word: WordMaker): Settings {
  const { broker } = settings
  const renewed =
    broker === undefined
      ? undefined
      : { shared: { ...broker.shared, password: word(32) }, own: { ...broker.own, password: word(32) } }
  const passwordOf = (user: string | undefined) =>
    [renewed?.shared, renewed?.own].find((access) => access?.user === user)?.password ?? word(32)
  const qualifiers = Object.fromEntries(
    Object.entries(settings.qualifiers).map(([name, qualifier]) => [
      name,
      qualifier.sharedBy === undefined
        ? { ...qualifier, mongopassword: word(32), brokerpassword: passwordOf(qualifier.brokeruser) }
        : qualifier,
    ]),
  )
  return { ...settings, qualifiers, ...(renewed === undefined ? {} : { broker: renewed }) }
}

/** With, or without, what another account shares. */
export function withQualifier(settings: Settings, name: string, qualifier: Qualifier | undefined): Settings {
  const { [name]: before, ...others } = settings.qualifiers
  // What is the account's own is never replaced.
  if (before !== undefined && before.sharedBy === undefined) return settings
  return { ...settings, qualifiers: { ...others, ...(qualifier === undefined ? {} : { [name]: qualifier }) } }
}

/** As they are served: with what the account's other deployments add. */
export function withAdditions(settings: Settings, site: SiteFacts): Settings {
  const additions = Object.values(settings.additions ?? {})
  if (additions.length === 0) return settings
  // The account's own storage comes to the site's, not instead of it.
  const base = { ...settings.services, cluster: { storage: site.storage, ...settings.services.cluster } }
  return settingsSchema.parse({ ...settings, services: additions.reduce<object>(merged, base) })
}

function merged(base: object, more: object): object {
  const entries = Object.entries(more).map(([key, value]: [string, unknown]) => {
    const before: unknown = Object.hasOwn(base, key) ? (base as Record<string, unknown>)[key] : undefined
    if (Array.isArray(before) && Array.isArray(value)) return [key, [...(before as unknown[]), ...(value as unknown[])]]
    return [key, isObject(before) && isObject(value) ? merged(before, value) : value]
  })
  return { ...base, ...(Object.fromEntries(entries) as object) }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function workerSettings({ name }: Account, site: SiteFacts, word: WordMaker): Settings {
  return {
    version: 'v3',
    services: { runtime: { namespace: site.namespaces.runtime }, omegaml: { remote_control: false } },
    qualifiers: { default: credentials(name, site, word) },
  }
}

/** Of a server of the account's own: its administrator, and the account's user on it. */
function databaseSettings(word: WordMaker): Settings {
  const access = { mongodbname: word(32), mongouser: word(32), mongopassword: word(32) }
  return { version: 'v3', services: {}, qualifiers: { default: access }, admin: { user: 'admin', password: word(32) } }
}

function credentials(name: string, site: SiteFacts, word: WordMaker) {
  return {
    mongodbname: word(32),
    mongouser: word(32),
    mongopassword: word(32),
    // Begins with the account for the reader of a broker's list; the rest keeps it apart from the broker's own users.
    brokeruser: `${name.replaceAll('-', '')}${word(12)}`,
    brokerpassword: word(32),
    brokervhost: site.broker.vhost,
  }
}

/** What must never appear in output: kept by the masker while a command of this deployment runs. */
export function secretsOf({ qualifiers, broker, admin }: Settings): string[] {
  const words = Object.values(qualifiers).flatMap(({ mongopassword, brokerpassword }) =>
    brokerpassword === undefined ? [mongopassword] : [mongopassword, brokerpassword],
  )
  const others = broker === undefined ? [] : [broker.shared.password, broker.own.password]
  return [...new Set([...words, ...others, ...(admin?.password === undefined ? [] : [admin.password])])]
}

/** Where the account's notebooks are. */
export function notebookUrl(account: string, settings: Settings, site: SiteFacts): string {
  return settings.services.notebook?.url ?? `${site.notebookUrl.replace(/\/+$/, '')}/user/${account}/tree`
}
