import { z } from 'zod'
import { staffRights } from '../accounts/account.ts'
import { AppError } from '../base/errors.ts'

const host = z.string().min(1)
/** `internalTls`: between pods and this service alone; else what the site's `internalTls` says. */
const endpoint = z.strictObject({ publicHost: host, internalHost: host, internalTls: z.boolean().optional() })

/** Addresses that an account's pods never reach: private and link-local ranges, with them pods, Services, nodes and the API server of most clusters. */
const closedRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8']

/** What an account's namespace may use, as Kubernetes' ResourceQuota takes it. */
export const quotaFacts = z.strictObject({
  cpuRequests: z.string().default('4').describe('cores that its pods may request together'),
  memoryRequests: z.string().default('8Gi').describe('memory that they may request'),
  cpuLimits: z.string().default('16').describe('cores that they may use at most'),
  memoryLimits: z.string().default('32Gi').describe('memory that they may use at most'),
  pods: z.string().default('20').describe('number of pods'),
  claims: z.string().default('10').describe('number of volume claims'),
  storage: z.string().default('100Gi').describe('sum of the sizes of its claims'),
})

/** Who may make an account of their own. */
export const signUpFacts = z.strictObject({
  open: z.boolean().default(false).describe('people make accounts of their own; else admins make them'),
  runtime: z
    .enum(['own', 'shared'])
    .default('own')
    .describe(
      "where tasks of those who signed up run. own: on workers and a virtual host of their own. shared: on the shared workers, where everybody's code sees what the worker sees: strangers join one circle of trust",
    ),
  api: z
    .boolean()
    .default(true)
    .describe('programs of staff make accounts for others (`POST /admin/api/v2/auth/signup/`)'),
  confirmation: z.boolean().default(true).describe('the mail address must be confirmed before the account opens'),
  approval: z.boolean().default(false).describe('an admin must approve before the account opens'),
  domains: z.array(z.string().min(1)).default([]).describe('domains of mail addresses that may sign up; none: all'),
})

/** Left out, mails stay in the list that admins read. The password is `CLOUDMGR_SMTP_PASSWORD` of the engine. */
export const smtpFacts = z.strictObject({
  host: host.describe('host of the mail server'),
  port: z.int().min(1).max(65_535).default(587).describe('its port'),
  security: z.enum(['starttls', 'tls', 'none']).default('starttls').describe('how the connection is encrypted'),
  user: z.string().min(1).optional().describe('who signs in there'),
})

const groupName = z.string().regex(/^[a-z][a-z0-9]{2,29}$/, 'right is the name of a group')

/**
 * Another OpenID Connect issuer as a way in for people. Left out: there is none. The client's secret is
 * `CLOUDMGR_OPENID_SECRET` of the API.
 */
const openid = z.strictObject({
  issuer: z.url().max(255),
  clientId: z.string().min(1),
  /** How the secret is told to the issuer: in the body of a request, or in its header `Authorization`. */
  clientAuth: z.enum(['post', 'basic']).default('post'),
  /** On the button: "Sign in with <label>". */
  label: z.string().min(1).max(60),
  scopes: z
    .array(z.string().min(1))
    .default(['openid', 'profile', 'email'])
    .refine((scopes) => scopes.includes('openid'), 'right is a list with openid in it'),
  /** Who comes for the first time gets an account, also where sign-up is closed. */
  accounts: z.boolean().default(false),
  /** The claim that a new account is named by. */
  nameClaim: z.string().min(1).default('preferred_username'),
  /** The claim that lists what somebody belongs to there; what its values mean here. */
  groupsClaim: z.string().min(1).default('groups'),
  groups: z
    .array(
      z.strictObject({
        value: z.string().min(1),
        group: groupName,
        role: z.enum(['member', 'owner']).default('member'),
      }),
    )
    .default([]),
  roles: z
    .array(
      z.strictObject({
        value: z.string().min(1),
        role: z.enum(['admin', 'staff']),
        rights: z.array(z.enum(staffRights)).default([]),
      }),
    )
    .default([]),
})

const perMinute = z.int().min(0)

/** Requests that one account may make in a minute; 0: as many as it likes. Machines and admins are not counted. */
export const limitFacts = z.strictObject({
  config: perMinute.default(6000).describe('`GET /api/v1/config/`: one for each task of every worker'),
  orders: perMinute.default(120).describe('everything that changes something'),
  commands: perMinute.default(1200).describe('looking at orders'),
  status: perMinute.default(300).describe('what asks the cluster, the broker or a database'),
  requests: perMinute.default(1200).describe('all the rest'),
})

/** What accounts' configs have of a site that says nothing else. */
export const usualDefaults = { OMEGA_FRAMEWORKS: ['scikit-learn', 'tensorflow', 'keras', 'dash'] }

/**
 * What the service knows of its site: file `site.yml` of ConfigMap `cloudmgr-site`, no secrets in it. Keys it does not
 * know are kept and shown to plans as `${site.<key>}`.
 */
const siteFactsSchema = z
  .looseObject({
    name: z.string().default('omega'),
    /** The cloud that the cluster's machines come from. */
    provider: z.string().default('local'),
    domain: z.string().min(1),
    /** Where a Rancher looks after the cluster: the site's project there, which accounts' namespaces count in. */
    rancherProject: z
      .string()
      .regex(/^(c-[a-z0-9-]+:p-[a-z0-9]+)?$/, 'a project as Rancher names it, such as c-m-abcdefgh:p-12345')
      .default(''),
    /** What pages and mails call the site. */
    title: z.string().min(1).max(100).default('omega|ml'),
    signUp: signUpFacts.prefault({}),
    mail: z.strictObject({ from: z.string().min(1).optional(), smtp: smtpFacts.optional() }).prefault({}),
    /** Plans that users may order anew; left out: all that are for users. */
    services: z.array(z.string().min(1)).optional(),
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
    openid: openid.optional(),
    /** From outside, people's programs sign in with tokens only; API keys go on working inside the cluster. */
    jwtOnly: z.boolean().default(false),
    publicUrl: z.url(),
    notebookUrl: z.url(),
    internalUrl: z.url(),
    /** What of the site only says that it is there, in words for people; empty on a real one. */
    simulated: z.array(z.string().min(1)).default([]),
    mongo: endpoint,
    broker: endpoint.extend({ vhost: z.string().min(1).default('omegaml') }),
    tls: z.boolean().default(false),
    /** Between pods of the cluster. */
    internalTls: z.boolean().default(false),
    images: z.looseObject({
      runtime: z.string().min(1),
      jupyter: z.string().min(1).optional(),
      /** Of database servers of the accounts' own. */
      mongodb: z.string().min(1).default('mongo:7'),
      /** Of the doors between the site and clusters beside its own. */
      nginx: z.string().min(1).default('nginxinc/nginx-unprivileged:1.27-alpine'),
    }),
    /** Whether there is a JupyterHub, here or elsewhere. Without one accounts get no user there. */
    notebooks: z.boolean().default(true),
    /** Secrets of the services' namespace with credentials of the images' registry; every account's namespace gets copies. */
    imagePullSecrets: z.array(z.string().min(1)).default([]),
    nodeSelector: z.looseObject({ worker: z.string().default('omegaml.io/role=worker') }).prefault({}),
    affinityRole: z.string().default('worker'),
    storage: z
      .looseObject({ volumes: z.array(z.unknown()).default([]), volumeMounts: z.array(z.unknown()).default([]) })
      .prefault({}),
    /** Of accounts' volumes that name none; the cluster's default when left out. Not where volumes are ordered of the cloud. */
    storageClass: z.string().min(1).optional(),
    /** Of every account's notebooks: files there survive a restart of the server. 0: none, unless an order says so. */
    home: z.strictObject({ sizeGb: z.int().min(0).max(10_000).default(5) }).prefault({}),
    jupyterConfig: z.record(z.string(), z.unknown()).default({}),
    /** pip's variables in notebooks and own runtimes, such as PIP_INDEX_URL; they are no secrets there. */
    pip: z
      .record(z.string().regex(/^PIP_[A-Z_]+$/, 'a variable of pip, such as PIP_INDEX_URL'), z.string())
      .default({}),
    /** Merged into every account's config. */
    defaults: z.record(z.string(), z.unknown()).default(usualDefaults),
    namespaces: z
      .strictObject({
        services: z.string().default('omegaml-services'),
        runtime: z.string().default('omegaml-runtime'),
      })
      .prefault({}),
    network: z
      .strictObject({
        /** Resolvers that are not pods of kube-system. */
        dns: z.array(z.string()).default([]),
        closed: z.array(z.string()).default(closedRanges),
        /** Services outside the cluster in closed ranges that accounts have credentials for. */
        externals: z.array(z.strictObject({ cidr: z.string(), port: z.int().min(1).max(65_535) })).default([]),
        /** Of a JupyterHub and its proxy which run in this cluster, but not in the services' namespace. */
        hubNamespace: z.string().min(1).optional(),
      })
      .prefault({}),
    /** The cluster's DNS where it is not a Service of kube-system. */
    dnsAddress: z.string().optional(),
    limits: limitFacts.prefault({}),
    quota: quotaFacts.prefault({}),
  })
  .superRefine(({ openid: outside, publicUrl }, context) => {
    if (outside === undefined || isHttps(outside.issuer) || !isHttps(publicUrl)) return
    context.addIssue({
      code: 'custom',
      path: ['openid', 'issuer'],
      message: 'right is an https address, as of the site',
    })
  })

function isHttps(url: string): boolean {
  return url.startsWith('https:')
}

export type SiteFacts = Readonly<z.infer<typeof siteFactsSchema>>
export type OpenidFacts = z.infer<typeof openid>

/** `where` names the file, for messages. */
export function parseSiteFacts(value: unknown, where: string): SiteFacts {
  const result = siteFactsSchema.safeParse(value)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`)
  throw new AppError('invalid', 'site-facts-invalid', `reading ${where}: ${problems.join('; ')}`, {
    details: { errors: problems },
  })
}
