{{- define "omegaml-system.rabbitmqConfig" -}}
listeners.tcp.default = 5672
management.tcp.port = 15672
# Read at every start: what is missing is made, passwords become those of the Secrets, everything else stays.
load_definitions = /etc/rabbitmq/conf.d/definitions.json
vm_memory_high_watermark.absolute = {{ .Values.rabbitmq.memoryHighWatermark }}
disk_free_limit.absolute = {{ .Values.rabbitmq.diskFreeLimit }}
# Milliseconds. The broker's half hour would cut the connection of a worker that holds a prefetched task for longer.
consumer_timeout = {{ mul .Values.rabbitmq.consumerTimeoutHours 3600000 }}
log.console = true
log.console.level = info
log.file = false
{{- end -}}

{{- /*
The broker's own users. The observer `omegaweb` sees who takes messages from which queue, and no more: a tag, and no
right on any vhost. Accounts' users are made by the engine.
*/ -}}
{{- define "omegaml-system.rabbitmqPrepare" -}}
umask 077
secrets=/run/secrets
rm -f /home-of-rabbitmq/.erlang.cookie
cat "$secrets/rabbitmq-admin/erlang-cookie" > /home-of-rabbitmq/.erlang.cookie
chmod 400 /home-of-rabbitmq/.erlang.cookie
cat /run/config/50-cloudmgr.conf > /conf.d/50-cloudmgr.conf
text() { sed 's/[\\"]/\\&/g; s/.*/"&"/' "$secrets/$1"; }
# By variables: a Secret without such a key ends this here.
admin=$(text rabbitmq-admin/username)
password=$(text rabbitmq-admin/password)
observer=$(text rabbitmq-users/omegaweb-password)
vhost='{{ .Values.rabbitmq.vhost | toJson }}'
cat > /conf.d/definitions.json <<END
{
  "vhosts": [{"name": $vhost}],
  "users": [
    {"name": $admin, "password": $password, "tags": "administrator"},
    {"name": "omegaweb", "password": $observer, "tags": "monitoring"}
  ],
  "permissions": [
    {"vhost": $vhost, "user": $admin, "configure": ".*", "write": ".*", "read": ".*"}
  ]
}
END
{{- end -}}
