{{- /* Rules that no schema can say; the message names the field and what would be right. Takes (dict "name" … "volume" …). */ -}}
{{- define "omegaml-storage.check" -}}
{{- $field := printf "volumes.%s" .name -}}
{{- $mode := .volume.mode -}}
{{- if and (eq $mode "nfs") (not .volume.nfs) -}}
{{- fail (printf "%s.nfs is missing: mode nfs needs nfs.server and nfs.path, for example {server: 10.0.0.5, path: /exports/%s}" $field .name) -}}
{{- end -}}
{{- if and (eq $mode "csi") (not .volume.csi) -}}
{{- fail (printf "%s.csi is missing: mode csi needs csi.driver and csi.volumeHandle, for example {driver: csi.hetzner.cloud, volumeHandle: \"4711\"}" $field) -}}
{{- end -}}
{{- if and (ne $mode "existingClaim") (not .volume.size) -}}
{{- fail (printf "%s.size is missing: mode %s needs a size, for example 20Gi" $field $mode) -}}
{{- end -}}
{{- $owners := dict "path" "path" "nodeSelector" "path" "nfs" "nfs" "csi" "csi" "storageClass" "storageClass" "claim" "existingClaim" -}}
{{- range $key, $owner := $owners -}}
{{- if and (hasKey $.volume $key) (ne $owner $mode) -}}
{{- fail (printf "%s.%s belongs to mode %s, but %s.mode is %s: change one of them" $field $key $owner $field $mode) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Volumes are cluster-wide objects: the claim's namespace makes their names unique. */ -}}
{{- define "omegaml-storage.volumeName" -}}
{{ printf "%s-%s" .namespace .name | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "omegaml-storage.keep" -}}
{{- if .Values.keep }}
annotations:
  helm.sh/resource-policy: keep
{{- end }}
{{- end -}}
