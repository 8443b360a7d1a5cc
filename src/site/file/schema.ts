import { z } from 'zod'
import { isPackageIndex } from '../site.ts'
import { limitFacts, quotaFacts, signUpFacts, smtpFacts } from '../../deployments/site-facts.ts'
import { componentsSchema } from './components.ts'
import { imagesSchema } from './images.ts'
import { monitoringSchema } from './monitoring.ts'
import { poolSchema } from './pools.ts'
import { providerSchema, rancherSchema } from './providers.ts'
import { secretRef } from './secret-ref.ts'
import { stateSchema } from './state.ts'
import { tlsSchema } from './tls.ts'

const sizeGb = z.int().min(1).max(65_536)
const volumeName = z.string().regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must be a word, such as scratch')

const clientVolume = z.strictObject({
  sizeGb: sizeGb.describe('size in GB'),
  access: z
    .enum(['ReadWriteOnce', 'ReadWriteMany', 'ReadOnlyMany'])
    .default('ReadWriteOnce')
    .describe('how many machines may use it at once'),
  namespace: z
    .enum(['omegaml-services', 'omegaml-runtime'])
    .default('omegaml-runtime')
    .describe('namespace of its claim'),
})

const storage = z.strictObject({
  class: z
    .string()
    .min(1)
    .optional()
    .describe(
      'storage class that makes the volumes, those of accounts among them; not with provider local, whose volumes are folders',
    ),
  mongodbGb: sizeGb.default(20).describe('volume `mongodb` in GB'),
  mysqlGb: sizeGb.default(5).describe('volume `mysql` in GB'),
  rabbitmqGb: sizeGb.default(2).describe('volume `rabbitmq` in GB'),
  volumes: z.record(volumeName, clientVolume).default({}).describe('further volumes by name, for clients of the site'),
})

const mail = z.strictObject({
  from: z.string().min(1).optional().describe('sender of mails; `<title> <hub@domain>` when left out'),
  smtp: smtpFacts
    .extend({ password: secretRef.optional().describe('password of `user`') })
    .optional()
    .describe('the mail server; without one admins read mails in the list'),
})

/** The site file, `site.yml`. Defaults are filled in; what is left out and has none stays as the charts have it. */
export const siteFileSchema = z.strictObject({
  version: z.literal(1).default(1).describe('version of this form'),
  name: z.string().describe('name of the site: 2 to 16 lower-case letters, digits or hyphens; unique on your machine'),
  domain: z
    .string()
    .optional()
    .describe(
      'host names of the site are `hub.`, `notebook.`, `mongo.` and `broker.` of it; `<name>.localhost` when left out',
    ),
  title: z.string().min(1).max(100).optional().describe('what pages and mails call the site; `omega|ml` when left out'),
  provider: providerSchema.describe('where the machines come from, with its settings'),
  rancher: rancherSchema.default({ kind: 'none' }).describe('the Rancher that manages the cluster'),
  pools: z
    .array(poolSchema)
    .default([])
    .describe(
      'machines: either one pool of role `worker` that carries everything, or pools of the roles dbmaster, ingress, system and worker. May be empty with provider existing, whose nodes are there',
    ),
  storage: storage.prefault({}).describe('volumes'),
  images: imagesSchema
    .optional()
    .describe('where images lie; a must with every provider but local, which has a registry of its own'),
  components: componentsSchema.default({}).describe('parts of the site'),
  services: z
    .array(z.string().min(1))
    .optional()
    .describe('plans that accounts may order (`catalog/plans/`); all when left out'),
  defaults: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("merged into every account's client config, such as OMEGA_FRAMEWORKS"),
  quota: quotaFacts.optional().describe("what an account's namespace may use, as Kubernetes' quantities"),
  home: z
    .strictObject({ sizeGb: z.int().min(0).max(10_000).describe('GB; 0: none, unless an order says so') })
    .optional()
    .describe("home folder of an account's notebooks"),
  limits: limitFacts.optional().describe('requests of one account in a minute; 0: as many as it likes'),
  signUp: signUpFacts.optional().describe('who may make an account'),
  packages: z
    .strictObject({
      index: z
        .string()
        .refine(isPackageIndex, 'is no address of an index: http or https, without credentials')
        .describe('such as `https://pypi.example.org/simple`; without credentials'),
    })
    .optional()
    .describe("where accounts' Python packages come from; pip's own index when left out"),
  mail: mail.optional().describe('mails of the service'),
  tls: tlsSchema.default({ kind: 'none' }).describe('certificates'),
  monitoring: monitoringSchema.prefault({}).describe('monitoring and alerts'),
  state: stateSchema
    .optional()
    .describe('where the states of the Terraform roots lie; with the site, encrypted, when left out'),
  prices: z
    .string()
    .min(1)
    .optional()
    .describe("path of a price list for `plan`, relative to this file's folder (see below)"),
})

export type SiteFile = Readonly<z.infer<typeof siteFileSchema>>
