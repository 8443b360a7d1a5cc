{{- define "omegaml-ingress.nginxConf" -}}
# Where the TCP module is a file of its own.
include /etc/nginx/modules-enabled/*.conf;
worker_processes 1;
# Room for the streams of an old configuration while a new one takes over.
worker_rlimit_nofile 8192;
worker_shutdown_timeout 45s;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {
  worker_connections 4096;
}
{{- if eq .Values.ingress.kind "nginx" }}

http {
  {{- include "omegaml-ingress.http" . | nindent 2 }}
}
{{- end }}
{{- if or .Values.streams.mongodb.enabled .Values.streams.broker.enabled }}

stream {
  {{- include "omegaml-ingress.stream" . | nindent 2 }}
}
{{- end }}
{{- end -}}

{{- define "omegaml-ingress.http" -}}
# Written by the init container: names are asked while nginx runs, so it starts before the services exist.
include /run/resolver/resolver.conf;

default_type application/octet-stream;
server_tokens off;
absolute_redirect off;
client_body_temp_path /tmp/client_body;
proxy_temp_path /tmp/proxy;
fastcgi_temp_path /tmp/fastcgi;
uwsgi_temp_path /tmp/uwsgi;
scgi_temp_path /tmp/scgi;
# Names of users may be long.
server_names_hash_bucket_size 128;
# The path only: a query may hold a token.
log_format plain '$remote_addr $host "$request_method $uri" $status $body_bytes_sent $request_time';
access_log /dev/stdout plain;

map $http_upgrade $connection_upgrade {
  default upgrade;
  '' close;
}
geo $realip_remote_addr $from_proxy {
  default no;
  {{- range .Values.trustedProxies }}
  {{ . }} yes;
  {{- end }}
}
map $from_proxy:$http_x_forwarded_proto $forwarded_proto {
  default $scheme;
  yes:https https;
}
{{- range .Values.trustedProxies }}
set_real_ip_from {{ . }};
{{- end }}
{{- if .Values.trustedProxies }}
real_ip_header X-Forwarded-For;
real_ip_recursive on;
{{- end }}

client_max_body_size {{ .Values.maxBodySize }};
proxy_http_version 1.1;
proxy_connect_timeout 5s;
proxy_set_header Host $http_host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
proxy_set_header X-Real-IP $remote_addr;
# What a client says of itself is replaced, not extended.
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $forwarded_proto;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header Forwarded "";
{{- if .Values.tls.secretName }}
{{- include "omegaml-ingress.tls" . | nindent 0 }}
{{- end }}

# For the kubelet; not in the Service.
server {
  listen 8090;
  access_log off;
  location = /healthz {
    return 200 "ok\n";
  }
  location / {
    return 404;
  }
}

server {
  listen 8080 default_server;
  {{- if .Values.tls.secretName }}
  listen 8443 ssl default_server;
  {{- end }}
  server_name _;
  return 404;
}
{{- if and .Values.tls.secretName .Values.tls.redirect }}

server {
  listen 8080;
  server_name hub.{{ .Values.domain }} notebook.{{ .Values.domain }} *.notebook.{{ .Values.domain }};
  return 301 https://$host{{ if ne (int .Values.tls.redirectPort) 443 }}:{{ int .Values.tls.redirectPort }}{{ end }}$request_uri;
}
{{- end }}

server {
  {{- include "omegaml-ingress.listen" . | nindent 2 }}
  server_name hub.{{ .Values.domain }}{{ range .Values.hubAliases }} {{ . }}{{ end }};
  location / {
    set $target {{ include "omegaml-ingress.target" (dict "root" . "upstream" "hub") }};
    proxy_pass http://$target;
    proxy_read_timeout 120s;
  }
}

server {
  {{- include "omegaml-ingress.listen" . | nindent 2 }}
  server_name notebook.{{ .Values.domain }} *.notebook.{{ .Values.domain }};
  location / {
    set $target {{ include "omegaml-ingress.target" (dict "root" . "upstream" "notebook") }};
    proxy_pass http://$target;
    # Progress, kernels' messages and large files go through as they come.
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout {{ int .Values.idleTimeoutSeconds }}s;
    proxy_send_timeout {{ int .Values.idleTimeoutSeconds }}s;
  }
}
{{- end -}}

{{- define "omegaml-ingress.listen" -}}
{{- if .Values.tls.secretName -}}
listen 8443 ssl;
{{- end }}
{{- if not (and .Values.tls.secretName .Values.tls.redirect) }}
listen 8080;
{{- end }}
{{- end -}}

{{- define "omegaml-ingress.tls" -}}
ssl_certificate /run/tls/tls.crt;
ssl_certificate_key /run/tls/tls.key;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:{{ .zone | default "http" }}:1m;
{{- end -}}

{{- define "omegaml-ingress.stream" -}}
include /run/resolver/resolver.conf;
log_format plain '$remote_addr :$server_port $status $bytes_sent $bytes_received $session_time';
access_log /dev/stdout plain;
proxy_connect_timeout 5s;
proxy_timeout {{ int .Values.idleTimeoutSeconds }}s;
{{- if .Values.tls.secretName }}
{{- include "omegaml-ingress.tls" (dict "zone" "stream") | nindent 0 }}
{{- end }}
{{- range $name, $port := dict "mongodb" 27017 "broker" 5672 }}
{{- $stream := index $.Values.streams $name }}
{{- if $stream.enabled }}

server {
  listen {{ $port }}{{ if and $.Values.tls.secretName (eq $stream.tls "auto") }} ssl{{ end }} so_keepalive=on;
  set $target {{ include "omegaml-ingress.target" (dict "root" $ "upstream" $name) }};
  proxy_pass $target;
  proxy_socket_keepalive on;
}
{{- end }}
{{- end }}
{{- end -}}
