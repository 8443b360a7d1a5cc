import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { checkParsed, ruleFacts } from './check.ts'
import { alertingOf, alertRefs, monitoringValues, rancherAlerts, rancherMonitoring, withRules } from './monitoring.ts'
import { parseSiteFile } from './read.ts'
import type { SiteFile } from './schema.ts'

const project = resolve(import.meta.dirname, '../../..')

function file(monitoring: string, more = '', provider = '{kind: existing, kubeconfig: {env: K}}'): SiteFile {
  const text = `name: omega\ndomain: omega.example.org\nprovider: ${provider}\nmonitoring: ${monitoring}\n${more}`
  const parsed = parseSiteFile(text, '/site.yml')
  return checkParsed(parsed, ruleFacts(parsed.site, project)).site
}

const receivers =
  '{enabled: true, receivers: [{kind: mail, to: [ops@example.org, two@example.org]}, {kind: slack, url: {env: S}}, {kind: webhook, url: {env: W}}, {kind: pagerduty, key: {env: P}}]}'
const smtp = 'mail: {smtp: {host: mail.example.org, user: hub, password: {env: M}}}\nstorage: {class: fast}\n'

test('Alertmanager tells everybody, and reads what is secret from files of a Secret', () => {
  const site = file(receivers, smtp)
  const values = withRules(monitoringValues(site), [{ name: 'ours' }])
  expect(values).toMatchObject({
    alertmanager: { alertmanagerSpec: { secrets: ['site-alerts'] } },
    prometheus: {
      prometheusSpec: {
        retention: '10d',
        storageSpec: { volumeClaimTemplate: { spec: { storageClassName: 'fast' } } },
      },
    },
    additionalPrometheusRulesMap: { omegaml: { groups: [{ name: 'ours' }] } },
  })
  const [, operators] = (values as { alertmanager: { config: { receivers: unknown[] } } }).alertmanager.config.receivers
  const folder = '/etc/alertmanager/secrets/site-alerts'
  expect(operators).toMatchObject({
    email_configs: [
      {
        to: 'ops@example.org',
        from: 'hub@omega.example.org',
        smarthost: 'mail.example.org:587',
        auth_username: 'hub',
        auth_password_file: `${folder}/smtp-password`,
        require_tls: true,
      },
      { to: 'two@example.org' },
    ],
    slack_configs: [{ api_url_file: `${folder}/receiver-1` }],
    webhook_configs: [{ url_file: `${folder}/receiver-2` }],
    pagerduty_configs: [{ routing_key_file: `${folder}/receiver-3` }],
  })
  expect(alertRefs(site).map(({ name }) => name)).toEqual(['receiver-1', 'receiver-2', 'receiver-3', 'smtp-password'])
})

test('module rancher-cluster gets the same receivers, with their secrets', () => {
  const site = file(receivers, smtp)
  expect(rancherMonitoring(site)).toEqual({ retention: '10d', storageGb: 50, storageClass: 'fast' })
  const values = {
    'receiver-1': 'https://slack',
    'receiver-2': 'https://hook',
    'receiver-3': 'key',
    'smtp-password': 'p',
  }
  expect(rancherAlerts(alertingOf(site), values)).toEqual({
    mail: {
      to: ['ops@example.org', 'two@example.org'],
      from: 'hub@omega.example.org',
      smarthost: 'mail.example.org:587',
      username: 'hub',
      password: 'p',
    },
    slack: [{ url: 'https://slack' }],
    webhooks: ['https://hook'],
    pagerduty: ['key'],
  })
  expect(rancherMonitoring(file('{}'))).toBeUndefined()
})

const bad: { why: string; make: () => SiteFile; says: RegExp }[] = [
  {
    why: 'on this computer',
    make: () =>
      file('{enabled: true}', 'pools: [{name: node, role: worker, cores: 4, memoryGb: 8}]\n', '{kind: local}'),
    says: /monitoring: provider local has neither monitoring nor alerts: leave it out/,
  },
  {
    why: 'receivers of nothing',
    make: () => file('{receivers: [{kind: webhook, url: {env: W}}]}'),
    says: /monitoring\.receivers: nobody would be told: set monitoring\.enabled to true/,
  },
  {
    why: 'mails without a server',
    make: () => file('{enabled: true, receivers: [{kind: mail, to: [a@b.org]}]}'),
    says: /monitoring\.receivers\[0\]: needs mail\.smtp/,
  },
]

for (const { why, make, says } of bad) test(`refused: ${why}`, () => expect(make).toThrow(says))
