{{- define "omegaml-ingress.labels" -}}
{{ include "omegaml.labels" (dict "root" . "component" "ingress") }}
{{- end -}}

{{- /* Host and port of an upstream. Takes (dict "root" $ "upstream" "hub"). */ -}}
{{- define "omegaml-ingress.target" -}}
{{- $service := index (dict "hub" "omegaweb" "notebook" "jupyterhub-proxy" "mongodb" "mongodb" "broker" "rabbitmq") .upstream -}}
{{- $target := index .root.Values.upstreams .upstream -}}
{{ $target.host | default (printf "%s.%s.svc.%s" $service .root.Release.Namespace .root.Values.clusterDomain) }}:{{ int $target.port }}
{{- end -}}

{{- /* The doors that are open: "name: container port" of each. */ -}}
{{- define "omegaml-ingress.doors" -}}
{{- if eq .Values.ingress.kind "nginx" }}
http: 8080
{{- if .Values.tls.secretName }}
https: 8443
{{- end }}
{{- end }}
{{- if .Values.streams.mongodb.enabled }}
mongodb: 27017
{{- end }}
{{- if .Values.streams.broker.enabled }}
broker: 5672
{{- end }}
{{- end -}}

{{- /* Rules that no schema can say. */ -}}
{{- define "omegaml-ingress.check" -}}
{{- $kind := .Values.ingress.kind -}}
{{- if and (eq $kind "gateway") (not .Values.ingress.className) (not .Values.ingress.gatewayName) -}}
{{- fail "ingress.className is missing: with ingress.kind=gateway name the GatewayClass of your controller, or an existing Gateway in ingress.gatewayName" -}}
{{- end -}}
{{- if and .Values.ingress.gatewayNamespace (not .Values.ingress.gatewayName) -}}
{{- fail (printf "ingress.gatewayName is missing: ingress.gatewayNamespace %q is that of a Gateway which exists; name it" .Values.ingress.gatewayNamespace) -}}
{{- end -}}
{{- if and .Values.tls.issuer.name (not .Values.tls.secretName) -}}
{{- fail (printf "tls.secretName is missing: issuer %s puts its certificate there; give it a name" .Values.tls.issuer.name) -}}
{{- end -}}
{{- if .Values.ingress.tlsRoute -}}
{{- if ne $kind "gateway" -}}
{{- fail (printf "ingress.tlsRoute is for ingress.kind=gateway, but ingress.kind is %s: change one of them" $kind) -}}
{{- end -}}
{{- if not .Values.streams.mongodb.enabled -}}
{{- fail "streams.mongodb.enabled is false: ingress.tlsRoute leads to that door of nginx; open it, or leave ingress.tlsRoute out" -}}
{{- end -}}
{{- if and (not .Values.tls.secretName) (ne .Values.streams.mongodb.tls "passthrough") -}}
{{- fail "tls.secretName is missing: a TLSRoute passes TLS through, so nginx needs the certificate (or streams.mongodb.tls=passthrough where MongoDB has its own)" -}}
{{- end -}}
{{- end -}}
{{- range list "hub" "notebook" -}}
{{- if and (ne $kind "nginx") (index $.Values.upstreams .).host -}}
{{- fail (printf "upstreams.%s.host can't be used with ingress.kind=%s: such objects lead to Services of their own namespace; leave it empty or use kind nginx" . $kind) -}}
{{- end -}}
{{- if eq (int (index $.Values.upstreams .).port) 8080 -}}
{{- fail (printf "upstreams.%s.port is 8080, the internal port that must not be reachable from outside: use 80 for the hub, 8000 for notebooks" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
