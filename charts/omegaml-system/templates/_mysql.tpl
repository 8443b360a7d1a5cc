{{- define "omegaml-system.mysqlConfig" -}}
[mysqld]
bind-address = 0.0.0.0
# Probes open connections without a word: with names resolved, their host would be blocked after a hundred.
skip-name-resolve
character-set-server = utf8mb4
collation-server = utf8mb4_general_ci
innodb_buffer_pool_size = {{ .Values.mysql.bufferPoolSize }}
max_connections = {{ .Values.mysql.maxConnections }}
performance_schema = OFF
{{- end -}}

{{- /* Start of the scripts below: `sql` runs statements from stdin as root; passwords come from the environment. */ -}}
{{- define "omegaml-system.mysqlScript" -}}
set -eu
client=$(command -v mariadb || command -v mysql)
export MYSQL_PWD="$ROOT_PASSWORD"
tls=''
if [ "${TLS:-}" = yes ]; then
  # Each program has its own words for "by TLS, and look at the certificate".
  case "$client" in *mariadb) tls=--ssl-verify-server-cert ;; *) tls=--ssl-mode=VERIFY_IDENTITY ;; esac
  if [ -n "${CA:-}" ]; then tls="$tls --ssl-ca=$CA"; fi
fi
# shellcheck disable=SC2086
sql() { "$client" --host="$HOST" --port="$PORT" --user="${ROOT:-root}" $tls --connect-timeout=5 --batch --skip-column-names; }
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/\\\\'/g")"; }
{{- end -}}

{{- /* Databases and users; may run again, and sets the passwords to those of the Secret. */ -}}
{{- define "omegaml-system.mysqlSetup" -}}
{{ include "omegaml-system.mysqlScript" . }}
left=300
until echo 'SELECT 1;' | sql >/dev/null 2>/tmp/error; do
  left=$((left - 1))
  if [ $((left % 10)) -eq 0 ]; then echo "waiting for MySQL at $HOST:$PORT: $(cat /tmp/error)"; fi
  if [ "$left" -eq 0 ]; then echo 'giving up for now, the next try follows' >&2; exit 1; fi
  sleep 1
done
# By printf: the echo of some shells takes backslashes for itself.
user() {
  password=$(quoted "$2")
  printf "CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s;\n" "$1" "$password"
  printf "ALTER USER %s@'%%' IDENTIFIED BY %s;\n" "$1" "$password"
}
{
  echo 'CREATE DATABASE IF NOT EXISTS cloudmgr;'
  echo 'CREATE DATABASE IF NOT EXISTS jupyterhub;'
  user cloudmgr "$CLOUDMGR_PASSWORD"
  user omegaweb "$OMEGAWEB_PASSWORD"
  user jupyterhub "$JUPYTERHUB_PASSWORD"
  echo "GRANT ALL PRIVILEGES ON cloudmgr.* TO cloudmgr@'%';"
  echo "GRANT SELECT ON cloudmgr.* TO omegaweb@'%';"
  echo "GRANT ALL PRIVILEGES ON jupyterhub.* TO jupyterhub@'%';"
} | sql
echo 'databases and users are as wanted'
{{- end -}}

{{- /* The API's user writes what the values say and nothing else. Runs after the migration: such rights name tables. */ -}}
{{- define "omegaml-system.mysqlGrants" -}}
{{ include "omegaml-system.mysqlScript" . }}
tables=$(echo "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'cloudmgr';" | sql)
echo "SELECT CONCAT(TABLE_NAME, ':', PRIVILEGE_TYPE) FROM information_schema.TABLE_PRIVILEGES
  WHERE GRANTEE = '''omegaweb''@''%''' AND TABLE_SCHEMA = 'cloudmgr';" | sql > /tmp/granted
contains() { case " $(echo $1) " in *" $2 "*) return 0 ;; esac; return 1; }
{
  for right in $API_RIGHTS; do
    if contains "$tables" "${right%%:*}"; then
      echo "GRANT ${right#*:} ON cloudmgr.\`${right%%:*}\` TO omegaweb@'%';"
    else
      echo "the schema of this version has no table ${right%%:*}" >&2
    fi
  done
  while read -r right; do
    if ! contains "$API_RIGHTS" "$right"; then
      echo "REVOKE ${right#*:} ON cloudmgr.\`${right%%:*}\` FROM omegaweb@'%';"
    fi
  done < /tmp/granted
} | sql
echo 'rights of the API are as wanted'
{{- end -}}

{{- /* The rights as words for the script: table:RIGHT. */ -}}
{{- define "omegaml-system.mysqlRights" -}}
{{- range $table, $rights := .Values.mysql.apiRights }}{{ range $rights }}{{ $table }}:{{ . }} {{ end }}{{ end -}}
{{- end -}}
