#!/bin/sh
# Makes the data folder on first start, with the variables of the upstream image:
# MARIADB_ROOT_PASSWORD(_FILE), MARIADB_DATABASE, MARIADB_USER, MARIADB_PASSWORD(_FILE).
set -eu
umask 077
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock

# Prints the variable $1, or the content of the file that $1_FILE names.
value() {
  eval "file=\${${1}_FILE:-}"
  if [ -n "$file" ]; then cat "$file"; else eval "printf %s \"\${$1:-}\""; fi
}

quoted() { printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/\\\\'/g"; }

# Built-in commands only, so that no password becomes an argument that others could list. `echo` would read backslashes.
statements() {
  printf '%s\n' 'FLUSH PRIVILEGES;' \
    "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host != 'localhost');" \
    "DELETE FROM mysql.proxies_priv WHERE Host != 'localhost';" \
    'FLUSH PRIVILEGES;' \
    "ALTER USER root@localhost IDENTIFIED BY '$(quoted "$root")';" \
    "CREATE USER root@'%' IDENTIFIED BY '$(quoted "$root")';" \
    "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
  database=${MARIADB_DATABASE:-}
  user=${MARIADB_USER:-}
  [ -z "$database" ] || printf '%s\n' "CREATE DATABASE IF NOT EXISTS \`$database\`;"
  [ -n "$user" ] || return 0
  printf '%s\n' "CREATE USER '$user'@'%' IDENTIFIED BY '$(quoted "$(value MARIADB_PASSWORD)")';"
  [ -z "$database" ] || printf '%s\n' "GRANT ALL ON \`$database\`.* TO '$user'@'%';"
}

initialise() {
  root=$(value MARIADB_ROOT_PASSWORD)
  [ -n "$root" ] || { echo 'MARIADB_ROOT_PASSWORD or MARIADB_ROOT_PASSWORD_FILE must be set' >&2; exit 1; }
  new="$data/.initialising"
  rm -rf "$new" && mkdir "$new"
  echo "initialising $data"
  mariadb-install-db --no-defaults --datadir="$new" --auth-root-authentication-method=normal \
    --skip-test-db --skip-name-resolve > /tmp/install.log 2>&1 || { cat /tmp/install.log >&2; exit 1; }
  statements | mariadbd --no-defaults --bootstrap --datadir="$new" > /tmp/install.log 2>&1 ||
    { cat /tmp/install.log >&2; exit 1; }
  # Only a finished data folder takes its place: an interrupted first start begins anew.
  find "$new" -mindepth 1 -maxdepth 1 ! -name mysql -exec mv {} "$data/" \;
  mv "$new/mysql" "$data/mysql"
  rmdir "$new"
}

case "${1:-}" in
  mariadbd|mysqld) [ -d "$data/mysql" ] || initialise ;;
esac
mkdir -p "${socket%/*}"
exec "$@"
