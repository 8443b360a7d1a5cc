{{- /* A pod that dumps or restores: first MySQL by its image's programs, then MongoDB. Takes (dict "root" $ "word" "dump"). */ -}}
{{- define "omegaml-system.backupPod" -}}
{{- $root := .root -}}
{{- $parts := $root.Values.backups -}}
{{- $mounts := list (dict "name" "dumps" "mountPath" "/dumps") -}}
{{- $env := list (dict "name" "CLOUDMGR_DUMPS" "value" "/dumps") -}}
{{- if eq .word "dump" -}}
{{- $env = append $env (dict "name" "CLOUDMGR_DUMPS_KEPT" "value" (int $parts.keep | toString)) -}}
{{- else -}}
{{- $env = append $env (dict "name" "CLOUDMGR_DUMP" "value" "newest") -}}
{{- end -}}
metadata:
  labels:
    {{- include "omegaml.selector" (dict "root" $root "component" "backup") | nindent 4 }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: Never
  {{- include "omegaml.pullSecrets" $root | nindent 2 }}
  {{- include "omegaml.placement" (dict "root" $root "role" "database" "part" $parts) | nindent 2 }}
  securityContext:
    {{- include "omegaml.podSecurity" 1000 | nindent 4 }}
  {{- if $root.Values.mysql.enabled }}
  {{- $script := include (printf "omegaml-system.mysql%s" (title .word)) $root }}
  initContainers:
    {{- include "omegaml-system.mysqlStep" (dict "root" $root "name" "mysql" "script" $script "mounts" $mounts "env" $env) | nindent 4 }}
  {{- end }}
  containers:
    - name: mongodb
      image: {{ include "omegaml.image" (dict "root" $root "name" "cloudmgr") }}
      imagePullPolicy: {{ $root.Values.imagePullPolicy }}
      args: [{{ .word }}]
      env:
        {{- toYaml $env | nindent 8 }}
        - {name: HOME, value: /tmp}
        {{- if $root.Values.mongodb.enabled }}
        - {name: CLOUDMGR_MONGODB_HOST, value: "{{ include "omegaml-system.host" (dict "root" $root "name" "mongodb") }}:27017"}
        {{- include "omegaml-system.secretEnv" (dict "name" "CLOUDMGR_MONGODB_USER" "secret" "mongodb-admin" "key" "username") | nindent 8 }}
        {{- include "omegaml-system.secretEnv" (dict "name" "CLOUDMGR_MONGODB_PASSWORD" "secret" "mongodb-admin" "key" "password") | nindent 8 }}
        {{- end }}
      securityContext:
        {{- include "omegaml.containerSecurity" $root | nindent 8 }}
      resources:
        {{- toYaml $parts.resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- toYaml $mounts | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {}
    - name: dumps
      persistentVolumeClaim:
        claimName: {{ $parts.claim }}
    {{- include "omegaml-system.caVolume" $root | nindent 4 }}
{{- end -}}

{{- /* Into the part that the other container completes; what dumps of before left half done goes. */ -}}
{{- define "omegaml-system.mysqlDump" -}}
{{ include "omegaml-system.mysqlScript" . }}
umask 077
part="$CLOUDMGR_DUMPS/.part-$(hostname)"
find "$CLOUDMGR_DUMPS" -mindepth 1 -maxdepth 1 -name '.part-*' -mtime +2 -exec rm -rf {} +
rm -rf "$part"
mkdir -p "$part"
dump=$(command -v mariadb-dump || command -v mysqldump)
# To a file first: the end of a pipe hides a failure.
"$dump" --host="$HOST" --port="$PORT" --user=root --single-transaction --quick --add-drop-database \
  --databases cloudmgr jupyterhub > "$part/mysql.sql"
gzip "$part/mysql.sql"
echo "MySQL dumped: $(wc -c < "$part/mysql.sql.gz") bytes"
{{- end -}}

{{- /* Only while nobody works with the rows. */ -}}
{{- define "omegaml-system.mysqlRestore" -}}
{{ include "omegaml-system.mysqlScript" . }}
busy=$(echo "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER IN ('cloudmgr', 'omegaweb', 'jupyterhub');" | sql)
if [ "$busy" -gt 0 ]; then
  echo "$busy connections of omegaweb, cloudmgr or jupyterhub are open: scale their Deployments to 0 first" >&2
  exit 1
fi
name=$CLOUDMGR_DUMP
if [ "$name" = newest ]; then
  name=$(find "$CLOUDMGR_DUMPS" -mindepth 1 -maxdepth 1 -name '20*Z' | sort | tail -n 1)
  name=${name##*/}
fi
file="$CLOUDMGR_DUMPS/$name/mysql.sql.gz"
if [ ! -f "$file" ]; then echo "there is no dump of MySQL called ${name:-newest} in $CLOUDMGR_DUMPS: $(ls "$CLOUDMGR_DUMPS")" >&2; exit 1; fi
gunzip -c "$file" > /tmp/mysql.sql
sql < /tmp/mysql.sql
echo "MySQL restored from $name"
{{- end -}}
