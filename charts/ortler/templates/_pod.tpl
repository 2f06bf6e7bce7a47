{{/* The pod of the Deployment or StatefulSet. */}}

{{- define "ortler.podTemplate" -}}
metadata:
  labels:
    {{- include "ortler.selectorLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "ortler.serviceAccountName" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automountToken }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "ortler.gracePeriodSeconds" . }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- include "ortler.placement" . | nindent 2 }}
  containers:
    - name: ortler
      image: {{ include "ortler.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        {{- range list "ortler.modelArgs" "ortler.servingArgs" "ortler.settingsArgs" }}
        {{- range include . $ | fromJsonArray }}
        - {{ . | quote }}
        {{- end }}
        {{- end }}
      {{- with include "ortler.environment" . | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      ports:
        {{- range include "ortler.ports" . | fromJsonArray }}
        - name: {{ .name }}
          containerPort: {{ .port }}
          protocol: TCP
        {{- end }}
      {{- include "ortler.probes" . | nindent 6 }}
      resources:
        {{- include "ortler.resources" . | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        {{- include "ortler.volumeMounts" . | nindent 8 }}
  volumes:
    {{- include "ortler.volumes" . | nindent 4 }}
{{- end -}}

{{/*
The health port is plain HTTP and asks for no key, whatever the others do. Liveness asks for the metrics: they are
answered while the model is loading, while the pod drains and when generation fails, none of which a restart mends.
*/}}
{{- define "ortler.probes" -}}
startupProbe:
  httpGet:
    path: /health
    port: {{ .Values.ports.health }}
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: {{ .Values.startup.timeoutSeconds }}
readinessProbe:
  httpGet:
    path: /health
    port: {{ .Values.ports.health }}
  periodSeconds: 5
  timeoutSeconds: 5
livenessProbe:
  httpGet:
    path: /metrics
    port: {{ .Values.ports.health }}
  periodSeconds: 15
  timeoutSeconds: 10
  failureThreshold: 4
{{- end -}}

{{/* On which nodes pods run. Knative refuses to spread them unless its administrator allows it. */}}
{{- define "ortler.placement" -}}
{{- $tolerations := .Values.tolerations -}}
{{- if .Values.gpu.enabled -}}
{{- $tolerations = concat $tolerations .Values.gpu.tolerations -}}
{{- end -}}
{{- $placement := dict -}}
{{- with .Values.nodeSelector }}{{ $placement = set $placement "nodeSelector" . }}{{ end -}}
{{- with .Values.affinity }}{{ $placement = set $placement "affinity" . }}{{ end -}}
{{- with $tolerations }}{{ $placement = set $placement "tolerations" . }}{{ end -}}
{{- if and .Values.gpu.enabled .Values.gpu.runtimeClassName -}}
{{- $placement = set $placement "runtimeClassName" .Values.gpu.runtimeClassName -}}
{{- end -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "ortler.selectorLabels" . | fromYaml)) -}}
{{- $spread := list -}}
{{- if not (and .Values.kserve.enabled (eq .Values.kserve.deploymentMode "Serverless")) -}}
{{- range .Values.topologySpreadConstraints -}}
{{- $spread = append $spread (merge (deepCopy .) $selector) -}}
{{- end -}}
{{- end -}}
{{- with $spread }}{{ $placement = set $placement "topologySpreadConstraints" . }}{{ end -}}
{{- with $placement }}{{ toYaml . }}{{ end -}}
{{- end -}}
