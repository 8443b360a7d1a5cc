{{- define "omegaml-worker.name" -}}
{{ .Values.name | default .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}

{{- define "omegaml-worker.labels" -}}
{{ include "omegaml.labels" (dict "root" . "component" "runtime-worker") }}
{{- end -}}

{{- /* The queues that the workers serve, as JSON. */ -}}
{{- define "omegaml-worker.queues" -}}
{{ ternary (append .Values.queues "default") .Values.queues .Values.defaultTasks | uniq | toJson }}
{{- end -}}

{{- /* Rules that no schema can say. */ -}}
{{- define "omegaml-worker.check" -}}
{{- if and .Values.shared .Values.packages -}}
{{- fail "packages are for an own runtime (shared: false): in a shared one they would run for everybody" -}}
{{- end -}}
{{- if not (regexMatch "^https?://[^/]+\\.[^/]+" .Values.internalUrl) -}}
{{- fail (printf "internalUrl %q has no dotted host name: the client refuses it; name the namespace as well, for example http://omegaweb.omegaml-services.svc.cluster.local:8080" .Values.internalUrl) -}}
{{- end -}}
{{- $scaling := .Values.autoscaling -}}
{{- if ne $scaling.kind "none" -}}
{{- if lt (int $scaling.maxReplicas) (int $scaling.minReplicas) -}}
{{- fail (printf "autoscaling.maxReplicas %d is below autoscaling.minReplicas %d: raise one or lower the other" (int $scaling.maxReplicas) (int $scaling.minReplicas)) -}}
{{- end -}}
{{- if and (eq $scaling.kind "hpa") (lt (int $scaling.minReplicas) 1) -}}
{{- fail "autoscaling.minReplicas 0 needs autoscaling.kind keda: without pods there is no CPU use to go by" -}}
{{- end -}}
{{- if and (eq $scaling.kind "keda") (not $scaling.brokerSecret) -}}
{{- fail "autoscaling.brokerSecret is missing: kind keda asks the broker; name a Secret with the key host (amqp://user:password@rabbitmq.omegaml-services:5672/vhost)" -}}
{{- end -}}
{{- end -}}
{{- end -}}
