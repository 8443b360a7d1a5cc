import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { needProgram } from './programs.ts'

/**
 * Small stand-ins for the charts of a Rancher in a cluster: names and versions, the values that we give and no others, and
 * objects as they have them, none of which starts a pod. Packed into `folder`, where a chart that was fetched lies.
 */
export async function packRancherCharts(folder: string, charts: readonly ChartName[], version: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'cloudmgr-rancher-charts-'))
  try {
    for (const chart of charts) {
      for (const [path, content] of Object.entries(filesOf(chart, version))) {
        mkdirSync(dirname(join(work, chart, path)), { recursive: true })
        writeFileSync(join(work, chart, path), content)
      }
      await execa(needProgram('helm'), ['package', join(work, chart), '--destination', folder], { env: { HOME: work } })
    }
  } finally {
    rmSync(work, { recursive: true })
  }
}

type ChartName = 'cert-manager' | 'rancher' | 'rancher-backup-crd' | 'rancher-backup'

function filesOf(chart: ChartName, version: string): Readonly<Record<string, string>> {
  const { schema, templates } = contents[chart]
  return {
    'Chart.yaml': `apiVersion: v2\nname: ${chart}\nversion: ${version}\n`,
    'values.schema.json': JSON.stringify(only(schema)),
    'templates/all.yaml': templates,
  }
}

const only = (properties: object) => ({ type: 'object', additionalProperties: false, properties })
const text = { type: 'string' }
// Helm adds it by itself.
const global = { global: { type: 'object' } }

const contents: Readonly<Record<ChartName, { readonly schema: object; readonly templates: string }>> = {
  'cert-manager': {
    schema: { ...global, crds: only({ enabled: { type: 'boolean' } }) },
    // As there: its kinds stay when the release goes.
    templates: definition('cert-manager.io', 'Certificate', '    helm.sh/resource-policy: keep'),
  },
  rancher: {
    schema: {
      ...global,
      hostname: text,
      replicas: { type: 'integer' },
      bootstrapPassword: { type: 'string', minLength: 12 },
      ingress: only({ ingressClassName: text, tls: only({ source: { enum: ['letsEncrypt', 'rancher', 'secret'] } }) }),
      letsEncrypt: only({ email: text, ingress: only({ class: text }) }),
    },
    templates: `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: rancher
spec:
  ingressClassName: {{ .Values.ingress.ingressClassName }}
  rules:
    - host: {{ .Values.hostname }}
      http: {paths: [{path: /, pathType: ImplementationSpecific, backend: {service: {name: rancher, port: {number: 80}}}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: rancher
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: rancher, namespace: {{ .Release.Namespace }}}]
`,
  },
  'rancher-backup-crd': { schema: global, templates: definition('resources.cattle.io', 'Backup', '    theirs: "yes"') },
  'rancher-backup': {
    schema: global,
    templates: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rancher-backup}\n',
  },
}

/** A kind without rules. */
export function definition(group: string, kind: string, annotation: string): string {
  const plural = `${kind.toLowerCase()}s`
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: ${plural}.${group}
  annotations:
${annotation}
spec:
  group: ${group}
  scope: ${kind === 'Certificate' ? 'Namespaced' : 'Cluster'}
  names: {kind: ${kind}, plural: ${plural}, singular: ${kind.toLowerCase()}}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`
}
