import type { ChartName, Values } from './helm.ts'

const roles = { nodeRoles: { enabled: true } }

/** What the charts are given in the two profiles. */
export const profiles: Readonly<Record<'single-node' | 'minimal', Readonly<Record<ChartName, Values>>>> = {
  'single-node': {
    'omegaml-storage': {},
    'omegaml-system': { networkPolicies: { dnsCidrs: ['10.231.8.1/32'] } },
    'omegaml-ingress': {},
    'omegaml-worker': { networkPolicies: { dnsCidrs: ['10.231.8.1/32'] } },
  },
  minimal: {
    'omegaml-storage': { path: { kind: 'hostPath' }, keep: true },
    'omegaml-system': {
      ...roles,
      secrets: { create: false },
      podDisruptionBudgets: { enabled: true },
      omegaweb: { replicas: 2 },
      backups: { enabled: true },
    },
    'omegaml-ingress': {
      ...roles,
      tls: { secretName: 'site-tls' },
      podDisruptionBudgets: { enabled: true },
      nginx: { replicas: 2 },
    },
    'omegaml-worker': { ...roles, autoscaling: { kind: 'hpa' }, podDisruptionBudgets: { enabled: true } },
  },
}
