import { z } from 'zod'
import type { Account } from '../accounts/account.ts'
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
})

/** Layout v3 of the original: what a deployment of an account holds, encrypted at rest. */
export const settingsSchema = z.looseObject({
  version: z.literal('v3').default('v3'),
  services: z
    .looseObject({
      notebook: z.looseObject({ url: z.string().optional() }).optional(),
      jupyter: workload.extend({ config: z.record(z.string(), z.unknown()).optional() }).optional(),
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
})

export type Settings = Readonly<z.infer<typeof settingsSchema>>
export type Qualifier = z.infer<typeof settingsQualifier>

/** Makes a word of letters and digits; a parameter, so that tests own it. */
export type WordMaker = (length: number) => string

/** Made once per deployment and kept: a repeated install changes nothing. Hosts are the site's and not stored. */
export function newSettings(plan: string, account: Account, site: SiteFacts, word: WordMaker): Settings {
  return plan === 'shared-runtime' ? workerSettings(account, site, word) : accountSettings(account, site, word)
}

function accountSettings({ name }: Account, site: SiteFacts, word: WordMaker): Settings {
  const namespace = `om-${name}`
  return {
    version: 'v3',
    services: {
      jupyter: { namespace, config: {} },
      runtime: { namespace },
    },
    qualifiers: {
      default: { ...credentials(name, site, word), routing: `q-${name}`, exchange: `x-${name}` },
    },
  }
}

function workerSettings({ name }: Account, site: SiteFacts, word: WordMaker): Settings {
  return {
    version: 'v3',
    services: { runtime: { namespace: site.namespaces.runtime }, omegaml: { remote_control: false } },
    qualifiers: { default: credentials(name, site, word) },
  }
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
export function secretsOf(settings: Settings): string[] {
  return Object.values(settings.qualifiers).flatMap(({ mongopassword, brokerpassword }) =>
    brokerpassword === undefined ? [mongopassword] : [mongopassword, brokerpassword],
  )
}

/** Where the account's notebooks are. */
export function notebookUrl(account: string, settings: Settings, site: SiteFacts): string {
  return settings.services.notebook?.url ?? `${site.notebookUrl.replace(/\/+$/, '')}/user/${account}/tree`
}
