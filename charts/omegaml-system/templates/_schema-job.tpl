{{- /* Pod of the migration. The Job is named after its hash: a Job's pod can't be changed, a changed one is another Job. */ -}}
{{- define "omegaml-system.migratePod" -}}
{{- $labels := dict "root" . "component" "cloudmgr-migrate" -}}
metadata:
  labels:
    {{- include "omegaml.selector" $labels | nindent 4 }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: OnFailure
  {{- include "omegaml.pullSecrets" . | nindent 2 }}
  {{- include "omegaml.placement" (dict "root" . "role" "system" "part" .Values.cloudmgr) | nindent 2 }}
  securityContext:
    {{- include "omegaml.podSecurity" 1000 | nindent 4 }}
  {{- if or .Values.mysql.enabled .Values.mysql.external.adminSecret }}
  initContainers:
    {{- include "omegaml-system.mysqlStep" (dict "root" . "name" "databases" "script" (include "omegaml-system.mysqlSetup" .)) | nindent 4 }}
    {{- include "omegaml-system.migrateStep" . | nindent 4 }}
  containers:
    {{- include "omegaml-system.mysqlStep" (dict "root" . "name" "rights" "script" (include "omegaml-system.mysqlGrants" .)) | nindent 4 }}
  {{- else }}
  containers:
    {{- include "omegaml-system.migrateStep" . | nindent 4 }}
  {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- include "omegaml-system.caVolume" . | nindent 4 }}
{{- end -}}

{{- define "omegaml-system.migrateStep" -}}
- name: migrate
  image: {{ include "omegaml.image" (dict "root" . "name" "cloudmgr") }}
  imagePullPolicy: {{ .Values.imagePullPolicy }}
  args: [migrate]
  env:
    {{- include "omegaml-system.databaseEnv" (dict "root" . "user" "cloudmgr") | nindent 4 }}
    - {name: HOME, value: /tmp}
    {{- include "omegaml-system.caEnv" . | nindent 4 }}
  securityContext:
    {{- include "omegaml.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 10m, memory: 96Mi}
    limits: {memory: 512Mi}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- include "omegaml-system.caMount" . | nindent 4 }}
{{- end -}}

{{- define "omegaml-system.mysqlStep" -}}
{{- $mysql := dict "root" .root "name" "mysql" "secret" "mysql-users" -}}
{{- $external := ternary nil .root.Values.mysql.external .root.Values.mysql.enabled -}}
- name: {{ .name }}
  image: {{ include "omegaml.image" (dict "root" .root "name" "mysql") }}
  imagePullPolicy: {{ .root.Values.imagePullPolicy }}
  command: [sh, -c]
  args:
    - |
      {{- .script | nindent 6 }}
  env:
    - {name: HOST, value: {{ include "omegaml-system.host" (dict "root" .root "name" "mysql") | quote }}}
    - {name: PORT, value: {{ include "omegaml-system.port" (dict "root" .root "name" "mysql") | quote }}}
    - {name: HOME, value: /tmp}
    {{- with .env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    - {name: API_RIGHTS, value: {{ include "omegaml-system.mysqlRights" .root | trim | quote }}}
    {{- if $external }}
    {{- include "omegaml-system.secretEnv" (dict "name" "ROOT" "secret" $external.adminSecret "key" "username") | nindent 4 }}
    {{- if $external.tls }}
    - {name: TLS, value: "yes"}
    {{- end }}
    {{- if .root.Values.caConfigMap }}
    - {name: CA, value: /run/ca/ca.crt}
    {{- end }}
    {{- end }}
    {{- include "omegaml-system.secretEnv" (dict "name" "ROOT_PASSWORD" "secret" (ternary "mysql-root" .root.Values.mysql.external.adminSecret .root.Values.mysql.enabled) "key" "password") | nindent 4 }}
    {{- range $user := list "cloudmgr" "omegaweb" "jupyterhub" }}
    {{- include "omegaml-system.secretEnv" (dict "name" (printf "%s_PASSWORD" (upper $user)) "secret" (include "omegaml-system.secretName" $mysql) "key" (printf "%s-password" $user)) | nindent 4 }}
    {{- end }}
  securityContext:
    {{- include "omegaml.containerSecurity" .root | nindent 4 }}
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {memory: 128Mi}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- with .mounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- include "omegaml-system.caMount" .root | nindent 4 }}
{{- end -}}
