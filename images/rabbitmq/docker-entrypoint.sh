#!/bin/sh
# Prepares the Erlang cookie (RABBITMQ_ERLANG_COOKIE, RABBITMQ_ERLANG_COOKIE_FILE, the file of an earlier start, or a
# new one) and the first user (RABBITMQ_DEFAULT_USER, RABBITMQ_DEFAULT_PASS or their _FILE forms), then starts.
set -eu
umask 077
home=/var/lib/rabbitmq
cookie=$home/.erlang.cookie

value() {
  eval "file=\${${1}_FILE:-}"
  if [ -n "$file" ]; then cat "$file"; else eval "printf %s \"\${$1:-}\""; fi
}

wanted=$(value RABBITMQ_ERLANG_COOKIE)
if [ -n "$wanted" ]; then
  if [ ! -f "$cookie" ] || [ "$(cat "$cookie")" != "$wanted" ]; then
    rm -f "$cookie"
    printf %s "$wanted" > "$cookie"
  fi
elif [ ! -f "$cookie" ]; then
  head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$cookie"
fi
chmod 400 "$cookie"
unset RABBITMQ_ERLANG_COOKIE RABBITMQ_ERLANG_COOKIE_FILE

user=$(value RABBITMQ_DEFAULT_USER)
if [ "${1:-}" = rabbitmq-server ] && [ -n "$user" ]; then
  # The configuration is on its own line of precedence: conf.d may be a read-only mount.
  first=/tmp/rabbitmq-first-user.conf
  printf 'default_user = %s\ndefault_pass = %s\n' "$user" "$(value RABBITMQ_DEFAULT_PASS)" > "$first"
  mkdir -p /tmp/rabbitmq-conf.d
  cp "$first" /tmp/rabbitmq-conf.d/00-first-user.conf
  for file in /etc/rabbitmq/conf.d/*.conf; do [ ! -f "$file" ] || cp -L "$file" /tmp/rabbitmq-conf.d/; done
  rm "$first"
  export RABBITMQ_CONFIG_FILES=/tmp/rabbitmq-conf.d
fi
unset RABBITMQ_DEFAULT_USER RABBITMQ_DEFAULT_PASS RABBITMQ_DEFAULT_USER_FILE RABBITMQ_DEFAULT_PASS_FILE
# One scheduler thread is enough for a small broker.
: "${RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:=+S 1:1}"
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS
exec "$@"
