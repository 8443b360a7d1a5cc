{{- /* The same file stands in each of the four charts (a test compares them): every chart installs on its own. */ -}}

{{- /* Labels of an object. Takes (dict "root" $ "component" "mongodb"). */ -}}
{{- define "omegaml.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{ include "omegaml.selector" . }}
{{- end -}}

{{- /* Labels that select pods. They are all that pods carry: a version among them would restart every database with each new chart. */ -}}
{{- define "omegaml.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: omegaml
{{- end -}}

{{- /* Image reference; a digest wins over the tag. Takes (dict "root" $ "name" "mongodb"). */ -}}
{{- define "omegaml.image" -}}
{{- $image := index .root.Values.images .name -}}
{{- $repository := $image.repository -}}
{{- /* The first part of a name is a registry when it looks like a host. */ -}}
{{- $isHost := regexMatch "^([^/]*[.:][^/]*|localhost)/" $repository -}}
{{- if and .root.Values.images.registry (not $isHost) -}}
{{- $repository = printf "%s/%s" .root.Values.images.registry $repository -}}
{{- end -}}
{{- if $image.digest -}}
{{ $repository }}@{{ $image.digest }}
{{- else -}}
{{ $repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "omegaml.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Pod security context. Takes the uid, which is also the group of its volumes. */ -}}
{{- define "omegaml.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
# A volume that already belongs to the group is left as it is: data folders are large, and some files must stay private.
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "omegaml.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* Where a pod may run: its own selector, else its role's machines. Takes (dict "root" $ "role" "database" "part" .Values.mongodb). */ -}}
{{- define "omegaml.placement" -}}
{{- $roles := .root.Values.nodeRoles -}}
{{- $selector := .part.nodeSelector | default dict -}}
{{- if and (not $selector) $roles.enabled -}}
{{- $selector = dict $roles.label (index $roles .role) -}}
{{- end -}}
{{- with $selector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Several of a kind go to several machines where there are. Takes (dict "root" $ "component" "omegaweb" "replicas" 2). */ -}}
{{- define "omegaml.spread" -}}
{{- if gt (int .replicas) 1 -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    # One machine left is better than none.
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "omegaml.selector" . | nindent 8 }}
    # An upgrade's new pods are spread among themselves.
    matchLabelKeys: [pod-template-hash]
{{- end -}}
{{- end -}}

{{- /* Egress rule of NetworkPolicies: names are asked of the cluster's DNS pods, and of resolvers outside the pods' network. */ -}}
{{- define "omegaml.dnsEgress" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
  to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
    {{- range .Values.networkPolicies.dnsCidrs }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
{{- end -}}

{{- /* Peer of NetworkPolicies: pods of a component, whichever of the charts installed them, in the release's namespace. */ -}}
{{- define "omegaml.peer" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/part-of: omegaml
      app.kubernetes.io/component: {{ . }}
{{- end -}}

{{- /* Peers of NetworkPolicies: pods of the accounts' namespaces and of the shared runtime. */ -}}
{{- define "omegaml.tenantPeers" -}}
- namespaceSelector:
    matchExpressions:
      - {key: {{ .Values.networkPolicies.accountLabel }}, operator: Exists}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ .Values.networkPolicies.runtimeNamespace }}
{{- end -}}
