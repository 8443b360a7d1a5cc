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
sql() { "$client" --host="$HOST" --port="$PORT" --user=root --connect-timeout=5 --batch --skip-column-names; }
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/\\\\'/g")"; }
{{- end -}}

{{- /* Databases and users; may run again, and sets the passwords to those of the Secret. */ -}}
{{- define "omegaml-system.mysqlSetup" -}}
{{ include "omegaml-system.mysqlScript" . }}
left=150
until echo 'SELECT 1;' | sql >/dev/null 2>/tmp/error; do
  left=$((left - 1))
  if [ $((left % 10)) -eq 0 ]; then echo "waiting for MySQL at $HOST:$PORT: $(cat /tmp/error)"; fi
  if [ "$left" -eq 0 ]; then echo 'giving up for now, the next try follows' >&2; exit 1; fi
  sleep 2
done
user() {
  echo "CREATE USER IF NOT EXISTS $1@'%' IDENTIFIED BY $(quoted "$2");"
  echo "ALTER USER $1@'%' IDENTIFIED BY $(quoted "$2");"
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

{{- /* The API's user writes every table but the named ones, which only the engine writes. Runs after the migration: rights name tables. */ -}}
{{- define "omegaml-system.mysqlGrants" -}}
{{ include "omegaml-system.mysqlScript" . }}
tables=$(echo "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'cloudmgr' AND TABLE_TYPE = 'BASE TABLE';" | sql)
for table in $tables; do
  case " $READ_ONLY_TABLES " in
    # Refused where nothing was granted before, which is as wanted.
    *" $table "*) echo "REVOKE INSERT, UPDATE, DELETE ON cloudmgr.\`$table\` FROM omegaweb@'%';" | sql 2>/dev/null || true ;;
    *) echo "GRANT INSERT, UPDATE, DELETE ON cloudmgr.\`$table\` TO omegaweb@'%';" | sql ;;
  esac
done
echo 'rights of the API are as wanted'
{{- end -}}
