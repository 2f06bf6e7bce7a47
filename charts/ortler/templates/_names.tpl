{{/* Names and labels. Names leave room for suffixes such as `-predictor` within 63 characters. */}}

{{- define "ortler.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "ortler.fullname" -}}
{{- $name := include "ortler.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "ortler.serviceAccountName" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "ortler.fullname" .) "default" -}}
{{- .Values.serviceAccount.name | default $own -}}
{{- end -}}

{{- define "ortler.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "ortler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* What selects the server's pods, whoever makes them. */}}
{{- define "ortler.selectorLabels" -}}
{{- if .Values.kserve.enabled -}}
serving.kserve.io/inferenceservice: {{ include "ortler.fullname" . }}
{{- else -}}
app.kubernetes.io/name: {{ include "ortler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- end -}}

{{- define "ortler.image" -}}
{{- $image := .Values.image -}}
{{- $suffix := .Values.gpu.enabled | ternary .Values.gpu.imageTagSuffix "" -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}{{ $suffix }}
{{- end -}}
{{- end -}}
