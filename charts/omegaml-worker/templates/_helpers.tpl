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

{{- /*
What cloudmgr's engine needs to know to put the workers to sleep, wake them and let them grow, as JSON; empty when it
leaves them alone. `most` is left out where the HPA decides between one and many.
*/ -}}
{{- define "omegaml-worker.scaling" -}}
{{- $kind := .Values.autoscaling.kind -}}
{{- $sleep := int .Values.sleepMinutes -}}
{{- if or (eq $kind "queue") (and (ne $kind "keda") (gt $sleep 0)) -}}
{{- $least := ternary .Values.replicas .Values.autoscaling.minReplicas (eq $kind "none") -}}
{{- $scaling := dict "least" (int $least) "sleepMinutes" $sleep "concurrency" (int .Values.concurrency) "revision" .Release.Revision -}}
{{- $_ := set $scaling "queues" (include "omegaml-worker.queues" . | fromJsonArray) -}}
{{- if eq $kind "none" }}{{ $_ := set $scaling "most" (int $least) }}{{ end -}}
{{- if eq $kind "queue" }}{{ $_ := set $scaling "most" (int (max 1 (int $least) (int .Values.autoscaling.maxReplicas))) }}{{ end -}}
{{ toJson $scaling }}
{{- end -}}
{{- end -}}

{{- /* Environment of the workers, as JSON. Every task brings its own account and is checked by it. */ -}}
{{- define "omegaml-worker.settings" -}}
{{- $settings := dict
  "OMEGA_QUALIFIER" .Values.qualifier
  "OMEGA_RESTAPI_URL" .Values.internalUrl
  "OMEGA_SERVICES_INCLUSTER" "yes"
  "OMEGA_AUTH_ENV" "omegaml.client.auth.CloudClientAuthenticationEnv"
  "OMEGA_ALLOW_TASK_DEFAULT_AUTH" "0"
  "OMEGA_ALLOW_ENV_CONFIG" "0"
  "OMEGA_TASK_TIMEOUT" (int .Values.taskTimeoutSeconds | toString)
  "TASK_MEMORY_MB" (int .Values.taskMemoryMb | toString)
  "OMEGA_WORKER_CONCURRENCY" (int .Values.concurrency | toString)
  "OMEGA_WORKER_SHARED" (ternary "yes" "no" .Values.shared)
  "CELERY_Q" (include "omegaml-worker.queues" . | fromJsonArray | join ",")
-}}
{{- if .Values.caConfigMap -}}
{{- range list "REQUESTS_CA_BUNDLE" "CA_CERTS_PATH" "SSL_CERT_FILE" }}{{ $_ := set $settings . "/run/ca/ca.crt" }}{{ end -}}
{{- end -}}
{{- range $name, $value := .Values.env }}{{ $_ := set $settings $name (toString $value) }}{{ end -}}
{{ toJson $settings }}
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
{{- if and (ne $scaling.kind "queue") (lt (int $scaling.maxReplicas) (int $scaling.minReplicas)) -}}
{{- fail (printf "autoscaling.maxReplicas %d is below autoscaling.minReplicas %d: raise one or lower the other" (int $scaling.maxReplicas) (int $scaling.minReplicas)) -}}
{{- end -}}
{{- if and (eq $scaling.kind "hpa") (lt (int $scaling.minReplicas) 1) -}}
{{- fail "autoscaling.minReplicas 0 needs autoscaling.kind keda or queue: without pods there is no CPU use to go by; sleepMinutes lets them sleep" -}}
{{- end -}}
{{- if and (eq $scaling.kind "keda") (not $scaling.brokerSecret) -}}
{{- fail "autoscaling.brokerSecret is missing: kind keda asks the broker; name a Secret with the key host (amqp://user:password@rabbitmq.omegaml-services:5672/vhost)" -}}
{{- end -}}
{{- end -}}
{{- end -}}
