{{- /* Dotted name of a service, as clients outside the namespace need it. Takes (dict "root" $ "name" "mongodb"). */ -}}
{{- define "omegaml-system.fqdn" -}}
{{ .name }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}
{{- end -}}

{{- /* Host of a data service: ours or the external one. Takes (dict "root" $ "name" "mongodb"). */ -}}
{{- define "omegaml-system.host" -}}
{{- $part := index .root.Values .name -}}
{{- if $part.enabled -}}{{ include "omegaml-system.fqdn" . }}{{- else -}}{{ $part.external.host }}{{- end -}}
{{- end -}}

{{- define "omegaml-system.port" -}}
{{- $part := index .root.Values .name -}}
{{- if $part.enabled -}}{{ index (dict "mongodb" 27017 "mysql" 3306 "rabbitmq" 5672) .name }}{{- else -}}{{ $part.external.port }}{{- end -}}
{{- end -}}

{{- /* Name of a data service's Secret. Takes (dict "root" $ "name" "mongodb" "secret" "mongodb-admin"). */ -}}
{{- define "omegaml-system.secretName" -}}
{{- $part := index .root.Values .name -}}
{{- if $part.enabled -}}{{ .secret }}{{- else -}}{{ $part.external.existingSecret }}{{- end -}}
{{- end -}}

{{- /* "yes" where an external service is spoken to by TLS. Takes (dict "root" $ "name" "mongodb"). */ -}}
{{- define "omegaml-system.tls" -}}
{{- $part := index .root.Values .name -}}
{{- if and (not $part.enabled) $part.external.tls -}}yes{{- end -}}
{{- end -}}

{{- /* What Node trusts besides the public authorities; with the mount and the volume below. */ -}}
{{- define "omegaml-system.caEnv" -}}
{{- if .Values.caConfigMap -}}
- {name: NODE_EXTRA_CA_CERTS, value: /run/ca/ca.crt}
{{- end -}}
{{- end -}}

{{- define "omegaml-system.caMount" -}}
{{- if .Values.caConfigMap -}}
- {name: ca, mountPath: /run/ca, readOnly: true}
{{- end -}}
{{- end -}}

{{- define "omegaml-system.caVolume" -}}
{{- with .Values.caConfigMap -}}
- name: ca
  configMap:
    name: {{ . }}
{{- end -}}
{{- end -}}

{{- define "omegaml-system.internalUrl" -}}
{{- if .Values.omegaweb.enabled -}}
http://{{ include "omegaml-system.fqdn" (dict "root" . "name" "omegaweb") }}:8080
{{- else -}}
{{ .Values.omegaweb.external.internalUrl }}
{{- end -}}
{{- end -}}

{{- define "omegaml-system.publicUrl" -}}
{{ .Values.publicUrl | default (printf "http://hub.%s" .Values.domain) }}
{{- end -}}

{{- define "omegaml-system.notebookUrl" -}}
{{ .Values.notebookUrl | default (printf "http://notebook.%s" .Values.domain) }}
{{- end -}}

{{- /* The site as the service knows it; what the operator says wins. */ -}}
{{- define "omegaml-system.site" -}}
{{- $runtime := include "omegaml.image" (dict "root" . "name" "runtime") -}}
{{- $mongo := dict "publicHost" (printf "mongo.%s" .Values.domain) "internalHost" (printf "%s:%s" (include "omegaml-system.host" (dict "root" . "name" "mongodb")) (include "omegaml-system.port" (dict "root" . "name" "mongodb"))) -}}
{{- $broker := dict "publicHost" (printf "broker.%s" .Values.domain) "internalHost" (printf "%s:%s" (include "omegaml-system.host" (dict "root" . "name" "rabbitmq")) (include "omegaml-system.port" (dict "root" . "name" "rabbitmq"))) "vhost" .Values.rabbitmq.vhost -}}
{{- $site := dict "domain" .Values.domain "publicUrl" (include "omegaml-system.publicUrl" .) "notebookUrl" (include "omegaml-system.notebookUrl" .) "internalUrl" (include "omegaml-system.internalUrl" .) "mongo" $mongo "broker" $broker "images" (dict "runtime" $runtime "mongodb" (include "omegaml.image" (dict "root" . "name" "mongodb"))) -}}
{{- range $name, $facts := dict "mongodb" $mongo "rabbitmq" $broker -}}
{{- if eq (include "omegaml-system.tls" (dict "root" $ "name" $name)) "yes" }}{{ $_ := set $facts "internalTls" true }}{{ end -}}
{{- end -}}
{{- if not (or .Values.jupyterhub.enabled .Values.jupyterhub.external.apiUrl) }}{{ $_ := set $site "notebooks" false }}{{ end -}}
{{- with .Values.imagePullSecrets }}{{ $_ := set $site "imagePullSecrets" . }}{{ end -}}
{{- $network := dict -}}
{{- $externals := list -}}
{{- range $name := list "mongodb" "rabbitmq" -}}
{{- $part := index $.Values $name -}}
{{- range $cidr := ternary list $part.external.cidrs $part.enabled -}}
{{- $externals = append $externals (dict "cidr" $cidr "port" (int $part.external.port)) -}}
{{- end -}}
{{- end -}}
{{- with $externals }}{{ $_ := set $network "externals" . }}{{ end -}}
{{- if not .Values.jupyterhub.enabled }}{{ with .Values.jupyterhub.external.namespace }}{{ $_ := set $network "hubNamespace" . }}{{ end }}{{ end -}}
{{- with $network }}{{ $_ := set $site "network" . }}{{ end -}}
{{- toYaml (mergeOverwrite $site (deepCopy .Values.site)) -}}
{{- end -}}

{{- /* A variable that reads a Secret. Takes (dict "name" … "secret" … "key" …). */ -}}
{{- define "omegaml-system.secretEnv" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{- /* The service's database as one of its users. Takes (dict "root" $ "user" "omegaweb"). */ -}}
{{- define "omegaml-system.databaseEnv" -}}
{{- $part := dict "root" .root "name" "mysql" "secret" "mysql-users" -}}
- {name: CLOUDMGR_DATABASE_HOST, value: {{ include "omegaml-system.host" $part | quote }}}
- {name: CLOUDMGR_DATABASE_PORT, value: {{ include "omegaml-system.port" $part | quote }}}
- {name: CLOUDMGR_DATABASE_NAME, value: cloudmgr}
- {name: CLOUDMGR_DATABASE_USER, value: {{ .user }}}
{{- if include "omegaml-system.tls" $part }}
- {name: CLOUDMGR_DATABASE_TLS, value: "yes"}
{{- end }}
{{ include "omegaml-system.secretEnv" (dict "name" "CLOUDMGR_DATABASE_PASSWORD" "secret" (include "omegaml-system.secretName" $part) "key" (printf "%s-password" .user)) }}
{{- end -}}

{{- /* Where the broker's management API is. */ -}}
{{- define "omegaml-system.rabbitmqUrlEnv" -}}
{{- if .Values.rabbitmq.enabled -}}
- {name: CLOUDMGR_RABBITMQ_URL, value: "http://{{ include "omegaml-system.fqdn" (dict "root" . "name" "rabbitmq") }}:15672"}
{{- else -}}
- {name: CLOUDMGR_RABBITMQ_URL, value: {{ .Values.rabbitmq.external.managementUrl | quote }}}
{{- end -}}
{{- end -}}

{{- /* Whether MongoDB is spoken to by TLS; servers of the accounts' own are not. */ -}}
{{- define "omegaml-system.mongodbTlsEnv" -}}
{{- if include "omegaml-system.tls" (dict "root" . "name" "mongodb") -}}
- {name: CLOUDMGR_MONGODB_TLS, value: "yes"}
{{- end -}}
{{- end -}}

{{- /* Variables that the operator adds, in the order of their names. */ -}}
{{- define "omegaml-system.extraEnv" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{- /* Init container that ends once the schema is at least this version's. Takes (dict "root" $ "user" "omegaweb"). */ -}}
{{- define "omegaml-system.schemaWait" -}}
- name: wait-for-schema
  image: {{ include "omegaml.image" (dict "root" .root "name" "cloudmgr") }}
  imagePullPolicy: {{ .root.Values.imagePullPolicy }}
  args: [migrate, --wait]
  env:
    {{- include "omegaml-system.databaseEnv" . | nindent 4 }}
    {{- include "omegaml-system.caEnv" .root | nindent 4 }}
  securityContext:
    {{- include "omegaml.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 10m, memory: 96Mi}
    limits: {memory: 384Mi}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- include "omegaml-system.caMount" .root | nindent 4 }}
{{- end -}}

{{- /* The data volume of a StatefulSet's pod where it is not a template of its own. Takes the part's `storage`. */ -}}
{{- define "omegaml-system.dataVolume" -}}
{{- if eq .mode "claim" }}
- name: data
  persistentVolumeClaim:
    claimName: {{ .claim }}
{{- else if eq .mode "none" }}
- name: data
  emptyDir: {}
{{- end }}
{{- end -}}

{{- define "omegaml-system.dataTemplate" -}}
{{- if eq .mode "template" }}
volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .class }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .size }}
{{- end }}
{{- end -}}

{{- /* Rules that no schema can say. */ -}}
{{- define "omegaml-system.check" -}}
{{- if and .Values.backups.enabled (not .Values.mongodb.enabled) (not .Values.mysql.enabled) -}}
{{- fail "backups.enabled is true, but neither MongoDB nor MySQL run here: back up the services that you use instead where they are, and set backups.enabled=false" -}}
{{- end -}}
{{- range $name := list "mongodb" "mysql" "rabbitmq" -}}
{{- $part := index $.Values $name -}}
{{- if and (not $part.enabled) (or $.Values.omegaweb.enabled $.Values.cloudmgr.enabled $.Values.jupyterhub.enabled) (not $part.external.host) -}}
{{- fail (printf "%s.external.host is missing: with %s.enabled=false name the host of the service to use instead, for example %s.example.com" $name $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.rabbitmq.enabled) .Values.cloudmgr.enabled (not .Values.rabbitmq.external.managementUrl) -}}
{{- fail "rabbitmq.external.managementUrl is missing: the engine makes users by the management API, for example https://rabbitmq.example.com:15672" -}}
{{- end -}}
{{- range $name := list "mongodb" "mysql" "rabbitmq" -}}
{{- $part := index $.Values $name -}}
{{- if and $part.enabled $part.external.host -}}
{{- fail (printf "%s.external.host is %q, but %s.enabled is true: set %s.enabled=false to use that service, or leave its host empty" $name $part.external.host $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and (include "omegaml-system.tls" (dict "root" $ "name" "mysql")) (regexMatch "^[0-9.]+$" .Values.mysql.external.host) -}}
{{- fail (printf "mysql.external.host is the address %s: with mysql.external.tls its certificate is checked by name; give the name that the certificate has" .Values.mysql.external.host) -}}
{{- end -}}
{{- if and .Values.jupyterhub.enabled .Values.jupyterhub.external.apiUrl -}}
{{- fail (printf "jupyterhub.external.apiUrl is %q, but jupyterhub.enabled is true: set jupyterhub.enabled=false to use that hub, or leave its URL empty" .Values.jupyterhub.external.apiUrl) -}}
{{- end -}}
{{- if and (not .Values.omegaweb.enabled) (or .Values.jupyterhub.enabled .Values.cloudmgr.enabled) (not .Values.omegaweb.external.internalUrl) -}}
{{- fail "omegaweb.external.internalUrl is missing: with omegaweb.enabled=false name the API's internal URL, for example http://omegaweb.omegaml-services.svc.cluster.local:8080" -}}
{{- end -}}
{{- range $name := list "publicUrl" "notebookUrl" -}}
{{- $url := index $.Values $name -}}
{{- if and $url (not (contains (printf ".%s" $.Values.domain) $url)) -}}
{{- fail (printf "%s %q is not below the domain %q: both must name the same site, for example http://hub.%s:8080" $name $url $.Values.domain $.Values.domain) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* JupyterHub's database. */ -}}
{{- define "omegaml-system.jupyterhubDatabaseEnv" -}}
{{- $mysql := dict "root" . "name" "mysql" "secret" "mysql-users" -}}
- {name: JUPYTERHUB_DB_HOST, value: {{ include "omegaml-system.host" $mysql | quote }}}
- {name: JUPYTERHUB_DB_PORT, value: {{ include "omegaml-system.port" $mysql | quote }}}
- {name: JUPYTERHUB_DB_NAME, value: jupyterhub}
- {name: JUPYTERHUB_DB_USER, value: jupyterhub}
{{- if include "omegaml-system.tls" $mysql }}
- {name: JUPYTERHUB_DB_TLS, value: "yes"}
{{- end }}
{{- if .Values.caConfigMap }}
- {name: JUPYTERHUB_CA, value: /run/ca/ca.crt}
{{- end }}
{{- include "omegaml-system.secretEnv" (dict "name" "JUPYTERHUB_DB_PASSWORD" "secret" (include "omegaml-system.secretName" $mysql) "key" "jupyterhub-password") | nindent 0 }}
{{- end -}}
