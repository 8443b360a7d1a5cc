{{- define "omegaml-system.rabbitmqConfig" -}}
listeners.tcp.default = 5672
management.tcp.port = 15672
default_vhost = {{ .Values.rabbitmq.vhost }}
vm_memory_high_watermark.absolute = {{ .Values.rabbitmq.memoryHighWatermark }}
disk_free_limit.absolute = {{ .Values.rabbitmq.diskFreeLimit }}
# Milliseconds. The broker's half hour would cut the connection of a worker that holds a prefetched task for longer.
consumer_timeout = {{ mul .Values.rabbitmq.consumerTimeoutHours 3600000 }}
log.console = true
log.console.level = info
log.file = false
{{- end -}}
