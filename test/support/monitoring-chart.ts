/**
 * A small stand-in for chart kube-prometheus-stack: its name and version, the values that we give and no others, and the
 * objects that those become there. No operator comes with it: nothing is watched, and nobody is told.
 */
export function monitoringChart(version: string): Readonly<Record<string, string>> {
  return {
    'Chart.yaml': `apiVersion: v2\nname: kube-prometheus-stack\nversion: ${version}\n`,
    'values.schema.json': JSON.stringify(schema),
    ...Object.fromEntries(
      ['Prometheus', 'Alertmanager', 'PrometheusRule'].map((kind) => [`crds/${kind}.yaml`, definition(kind)]),
    ),
    'templates/alertmanager.yaml': `apiVersion: v1
kind: Secret
metadata:
  name: alertmanager-{{ .Values.fullnameOverride }}-alertmanager
data:
  alertmanager.yaml: {{ toYaml .Values.alertmanager.config | b64enc }}
---
apiVersion: monitoring.coreos.com/v1
kind: Alertmanager
metadata:
  name: {{ .Values.fullnameOverride }}-alertmanager
spec: {{ toJson .Values.alertmanager.alertmanagerSpec }}
`,
    'templates/prometheus.yaml': `apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata:
  name: {{ .Values.fullnameOverride }}-prometheus
spec: {{ toJson .Values.prometheus.prometheusSpec }}
`,
    // There the rules are one object of kind List, too.
    'templates/rules.yaml': `apiVersion: v1
kind: List
items:
{{- range $name, $rule := .Values.additionalPrometheusRulesMap }}
  - apiVersion: monitoring.coreos.com/v1
    kind: PrometheusRule
    metadata:
      name: {{ $.Values.fullnameOverride }}-{{ $name }}
      namespace: {{ $.Release.Namespace }}
    spec: {groups: {{ toJson $rule.groups }}}
{{- end }}
`,
  }
}

const only = (properties: object) => ({ type: 'object', additionalProperties: false, properties })
const any = { type: 'object' }
const schema = only({
  global: any,
  fullnameOverride: { type: 'string', maxLength: 26 },
  alertmanager: only({ config: any, alertmanagerSpec: only({ secrets: { type: 'array' } }) }),
  prometheus: only({ prometheusSpec: only({ retention: { type: 'string' }, storageSpec: any }) }),
  additionalPrometheusRulesMap: any,
  'kube-state-metrics': only({ metricLabelsAllowlist: { type: 'array' } }),
  grafana: only({ enabled: { type: 'boolean' } }),
})

function definition(kind: string): string {
  const singular = kind.toLowerCase()
  const plural = singular.endsWith('s') ? `${singular}es` : `${singular}s`
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.monitoring.coreos.com` },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced',
      names: { kind, plural, singular },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  })
}
