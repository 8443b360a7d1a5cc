import { z } from 'zod'
import type { Tree } from '../../base/merge.ts'
import type { RancherAlerts } from '../../clusters/rancher-root.ts'
import { domainOf } from './domain.ts'
import type { Problem } from './problems.ts'
import type { SiteFile } from './schema.ts'
import { type SecretRef, secretRef } from './secret-ref.ts'

const receiver = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('mail').describe('by mail, through `mail.smtp`'),
    to: z.array(z.email()).min(1).describe('whom'),
  }),
  z.strictObject({ kind: z.literal('slack').describe('into a channel'), url: secretRef.describe('webhook address') }),
  z.strictObject({ kind: z.literal('webhook').describe('to a program'), url: secretRef.describe('its address') }),
  z.strictObject({ kind: z.literal('pagerduty').describe('to PagerDuty'), key: secretRef.describe('integration key') }),
])

/** Monitoring of the cluster and who hears of alerts. */
export const monitoringSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('monitoring of cluster and components: about 2.7 cores and 4 GB of its own'),
  receivers: z.array(receiver).default([]).describe('who hears of alerts'),
  retentionDays: z.int().min(1).max(365).default(10).describe('how long figures are kept'),
  storageGb: z
    .int()
    .min(1)
    .max(65_536)
    .default(50)
    .describe('size of their volume, of `storage.class`; without a class they are lost with their pod'),
})

/** What the schema can't see of `monitoring`. */
export function monitoringMistakes({ monitoring, provider, mail }: SiteFile): Problem[] {
  const { enabled, receivers } = monitoring
  const path = ['monitoring']
  if (!enabled && receivers.length === 0) return []
  if (provider.kind === 'local') {
    const problem =
      'provider local has neither monitoring nor alerts: leave it out. ./cloudmgr status and the portal show what runs, and what nodes and pods used in the last day'
    return [{ path, problem }]
  }
  if (!enabled)
    return [{ path: [...path, 'receivers'], problem: 'nobody would be told: set monitoring.enabled to true' }]
  return receivers.flatMap(({ kind }, index) =>
    kind !== 'mail' || mail?.smtp !== undefined
      ? []
      : [{ path: [...path, 'receivers', index], problem: 'needs mail.smtp, the server that its mails go through' }],
  )
}

/** Secret with what receivers need: its keys are the names of `alertRefs`. */
export const alertsSecret = 'site-alerts'

/** Secrets of the receivers, by name: `receiver-<index>`, and `smtp-password` for mails. */
export function alertRefs({ monitoring, mail }: SiteFile): { name: string; ref: SecretRef; path: PropertyKey[] }[] {
  const { receivers } = monitoring
  const password = receivers.some(({ kind }) => kind === 'mail') ? mail?.smtp?.password : undefined
  return [
    ...receivers.flatMap((one, index) => {
      const at = (field: string) => ['monitoring', 'receivers', index, field]
      const name = `receiver-${index}`
      if (one.kind === 'mail') return []
      if (one.kind === 'pagerduty') return [{ name, ref: one.key, path: at('key') }]
      return [{ name, ref: one.url, path: at('url') }]
    }),
    ...(password === undefined ? [] : [{ name: 'smtp-password', ref: password, path: ['mail', 'smtp', 'password'] }]),
  ]
}

/** Whether a secret of the site's own steps is one of these, by its name. */
export const isAlertSecret = (name: string): boolean => /^(receiver-\d+|smtp-password)$/.test(name)

/** Inputs of module rancher-cluster. */
export function rancherMonitoring({
  monitoring,
  storage,
}: SiteFile): { retention: string; storageGb: number; storageClass?: string } | undefined {
  if (!monitoring.enabled) return undefined
  return {
    retention: `${monitoring.retentionDays}d`,
    storageGb: monitoring.storageGb,
    ...(storage.class === undefined ? {} : { storageClass: storage.class }),
  }
}

/** Who hears of alerts, without what is secret of it. */
export interface Alerting {
  readonly mail?:
    | {
        readonly to: readonly string[]
        readonly from: string
        /** `host:port`. */
        readonly smarthost: string
        readonly username?: string | undefined
      }
    | undefined
  /** In the order of the receivers. */
  readonly kinds: readonly SiteFile['monitoring']['receivers'][number]['kind'][]
}

export function alertingOf(file: SiteFile): Alerting {
  const mail = mailOf(file)
  return { ...(mail === undefined ? {} : { mail }), kinds: file.monitoring.receivers.map(({ kind }) => kind) }
}

/** Whom Rancher Monitoring tells; `values` by the names of `alertRefs`. */
export function rancherAlerts({ mail, kinds }: Alerting, values: Readonly<Record<string, string>>): RancherAlerts {
  const of = (wanted: Alerting['kinds'][number]) =>
    kinds.flatMap((kind, index) => (kind === wanted ? [values[`receiver-${index}`] ?? ''] : []))
  const password = values['smtp-password']
  const { username, ...server } = mail ?? { username: undefined, to: [], from: '', smarthost: '' }
  const login = { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }
  return {
    ...(mail === undefined ? {} : { mail: { ...server, ...login } }),
    webhooks: of('webhook'),
    slack: of('slack').map((url) => ({ url })),
    pagerduty: of('pagerduty'),
  }
}

function mailOf(file: SiteFile): Alerting['mail'] {
  const { monitoring, mail } = file
  const to = monitoring.receivers.flatMap((one) => (one.kind === 'mail' ? one.to : []))
  if (to.length === 0 || mail?.smtp === undefined) return undefined
  const { host, port, user } = mail.smtp
  const from = mail.from ?? `hub@${domainOf(file)}`
  return { to, from, smarthost: `${host}:${port}`, ...(user === undefined ? {} : { username: user }) }
}

/** Release and name of everything in it: what its operator makes is named after it. */
const monitoringName = 'omegaml-monitoring'

/** The Service that the operator makes for the kubelets, and leaves when it goes. */
export const kubeletService = (release: string) => ({ namespace: 'kube-system', name: `${release}-kubelet` })

/** The values with our rules: groups as Prometheus reads them. */
export function withRules(values: Tree, rules: readonly unknown[]): Tree {
  return { ...values, additionalPrometheusRulesMap: { omegaml: { groups: rules } } }
}

/**
 * Values of chart kube-prometheus-stack, without our rules. Alertmanager reads its secrets from files of Secret
 * `site-alerts`: none is among the values.
 */
export function monitoringValues(file: SiteFile): Tree {
  const { monitoring, storage } = file
  const { retentionDays, storageGb } = monitoring
  const claim = {
    storageClassName: storage.class,
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: `${storageGb}Gi` } },
  }
  const kept = storage.class === undefined ? {} : { storageSpec: { volumeClaimTemplate: { spec: claim } } }
  const needsSecret = alertRefs(file).length > 0
  return {
    fullnameOverride: monitoringName,
    alertmanager: {
      config: alertmanagerConfig(file),
      alertmanagerSpec: needsSecret ? { secrets: [alertsSecret] } : {},
    },
    prometheus: { prometheusSpec: { retention: `${retentionDays}d`, ...kept } },
    // What we look at are its metrics: labels of nodes are left out unless they are named.
    'kube-state-metrics': { metricLabelsAllowlist: ['nodes=[omegaml.io/role]'] },
    grafana: { enabled: false },
  }
}

/** The same routes as in module rancher-cluster. */
function alertmanagerConfig(file: SiteFile): Tree {
  const { receivers } = file.monitoring
  const secret = (name: string) => `/etc/alertmanager/secrets/${alertsSecret}/${name}`
  const mail = mailOf(file)
  const password = file.mail?.smtp?.password === undefined ? {} : { auth_password_file: secret('smtp-password') }
  const mails = (mail?.to ?? []).map((to) => ({
    to,
    from: mail?.from,
    smarthost: mail?.smarthost,
    ...(mail?.username === undefined ? {} : { auth_username: mail.username, ...password }),
    require_tls: file.mail?.smtp?.security !== 'none',
    send_resolved: true,
  }))
  const of = (wanted: string, field: string) =>
    receivers.flatMap(({ kind }, index) =>
      kind === wanted ? [{ [field]: secret(`receiver-${index}`), send_resolved: true }] : [],
    )
  const operators = {
    name: 'operators',
    email_configs: mails,
    webhook_configs: of('webhook', 'url_file'),
    slack_configs: of('slack', 'api_url_file'),
    pagerduty_configs: of('pagerduty', 'routing_key_file'),
  }
  return {
    receivers: [{ name: 'nobody' }, operators],
    route: {
      receiver: 'operators',
      group_by: ['alertname', 'namespace'],
      group_wait: '30s',
      group_interval: '5m',
      repeat_interval: '12h',
      routes: [
        { receiver: 'nobody', matchers: ['alertname = Watchdog'] },
        { receiver: 'nobody', matchers: ['severity = info'] },
      ],
    },
  }
}
