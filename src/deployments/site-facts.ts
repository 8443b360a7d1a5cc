import { z } from 'zod'
import { AppError } from '../base/errors.ts'

const host = z.string().min(1)
const endpoint = z.strictObject({ publicHost: host, internalHost: host })

/** Addresses that an account's pods never reach: private and link-local ranges, with them pods, Services, nodes and the API server of most clusters. */
const closedRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8']

const quota = z.strictObject({
  cpuRequests: z.string().default('4'),
  memoryRequests: z.string().default('8Gi'),
  cpuLimits: z.string().default('16'),
  memoryLimits: z.string().default('32Gi'),
  pods: z.string().default('20'),
  claims: z.string().default('10'),
  storage: z.string().default('100Gi'),
})

/** Who may make an account of their own. */
const signUp = z.strictObject({
  open: z.boolean().default(false),
  /** By programs, for others: `POST /admin/api/v2/auth/signup/` with a key that may create accounts. */
  api: z.boolean().default(true),
  /** The address must be confirmed before the account opens. */
  confirmation: z.boolean().default(true),
  /** An admin must approve before the account opens. */
  approval: z.boolean().default(false),
  /** Of mail addresses; none: every domain. */
  domains: z.array(z.string().min(1)).default([]),
})

/** Left out, mails stay in the list that admins read. The password is `CLOUDMGR_SMTP_PASSWORD` of the engine. */
const smtp = z.strictObject({
  host,
  port: z.int().min(1).max(65_535).default(587),
  security: z.enum(['starttls', 'tls', 'none']).default('starttls'),
  user: z.string().min(1).optional(),
})

/**
 * What the service knows of its site: file `site.yml` of ConfigMap `cloudmgr-site`, no secrets in it. Keys it does not
 * know are kept and shown to plans as `${site.<key>}`.
 */
const siteFactsSchema = z.looseObject({
  name: z.string().default('omega'),
  /** The cloud that the cluster's machines come from. */
  provider: z.string().default('local'),
  domain: z.string().min(1),
  /** What pages and mails call the site. */
  title: z.string().min(1).max(100).default('omega|ml'),
  signUp: signUp.prefault({}),
  mail: z.strictObject({ from: z.string().min(1).optional(), smtp: smtp.optional() }).prefault({}),
  /** Others whose tokens are taken as `Authorization: Bearer`, for users of this site. */
  issuers: z
    .array(
      z.strictObject({
        issuer: z.string().min(1).max(255),
        jwksUri: z.url(),
        audience: z.string().min(1),
        nameClaim: z.string().min(1).default('preferred_username'),
      }),
    )
    .default([]),
  publicUrl: z.url(),
  notebookUrl: z.url(),
  internalUrl: z.url(),
  mongo: endpoint,
  broker: endpoint.extend({ vhost: z.string().min(1).default('omegaml') }),
  tls: z.boolean().default(false),
  /** Between pods of the cluster. */
  internalTls: z.boolean().default(false),
  images: z.looseObject({ runtime: z.string().min(1), jupyter: z.string().min(1).optional() }),
  nodeSelector: z.looseObject({ worker: z.string().default('omegaml.io/role=worker') }).prefault({}),
  affinityRole: z.string().default('worker'),
  storage: z
    .looseObject({ volumes: z.array(z.unknown()).default([]), volumeMounts: z.array(z.unknown()).default([]) })
    .prefault({}),
  jupyterConfig: z.record(z.string(), z.unknown()).default({}),
  /** pip's variables in notebooks and own runtimes, such as PIP_INDEX_URL; they are no secrets there. */
  pip: z.record(z.string().regex(/^PIP_[A-Z_]+$/, 'a variable of pip, such as PIP_INDEX_URL'), z.string()).default({}),
  /** Merged into every account's config. */
  defaults: z
    .record(z.string(), z.unknown())
    .default({ OMEGA_FRAMEWORKS: ['scikit-learn', 'tensorflow', 'keras', 'dash'] }),
  namespaces: z
    .strictObject({ services: z.string().default('omegaml-services'), runtime: z.string().default('omegaml-runtime') })
    .prefault({}),
  network: z
    .strictObject({
      /** Resolvers that are not pods of kube-system. */
      dns: z.array(z.string()).default([]),
      closed: z.array(z.string()).default(closedRanges),
    })
    .prefault({}),
  /** The cluster's DNS where it is not a Service of kube-system. */
  dnsAddress: z.string().optional(),
  quota: quota.prefault({}),
})

export type SiteFacts = Readonly<z.infer<typeof siteFactsSchema>>

/** `where` names the file, for messages. */
export function parseSiteFacts(value: unknown, where: string): SiteFacts {
  const result = siteFactsSchema.safeParse(value)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`)
  throw new AppError('invalid', 'site-facts-invalid', `reading ${where}: ${problems.join('; ')}`, {
    details: { errors: problems },
  })
}
