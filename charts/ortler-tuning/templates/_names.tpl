{{/* Names and labels. A RayJob's name has at most 47 characters: 38, a dash and 8 of a digest. */}}

{{- define "ortler-tuning.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 38 | trimSuffix "-" -}}
{{- end -}}

{{- define "ortler-tuning.fullname" -}}
{{- $name := include "ortler-tuning.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 38 | trimSuffix "-" -}}
{{- end -}}

{{/* For objects that no namespace has: two releases of one name must not share them. */}}
{{- define "ortler-tuning.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "ortler-tuning.fullname" .) -}}
{{- end -}}

{{- define "ortler-tuning.queueName" -}}
{{- .Values.queue.name | default (include "ortler-tuning.fullname" .) -}}
{{- end -}}

{{/*
KubeRay runs a RayJob once, whatever becomes of its spec later. So what is run is in the name: with the same values
`helm upgrade` leaves the job alone, and with others there is a new one.
*/}}
{{- define "ortler-tuning.jobName" -}}
{{- $job := include "ortler-tuning.rayJobSpec" (dict "root" . "name" "") -}}
{{- $digest := list $job (include "ortler-tuning.options" .) (include "ortler-tuning.code" .) .Values.tuning.run | toJson | sha256sum -}}
{{- printf "%s-%s" (include "ortler-tuning.fullname" .) (trunc 8 $digest) -}}
{{- end -}}

{{- define "ortler-tuning.servingName" -}}
{{- .Values.serving.name | default (include "ortler-tuning.fullname" .) -}}
{{- end -}}

{{- define "ortler-tuning.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "ortler-tuning.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Head and workers must have the Ray that the job names: so has the image's tag, unless a digest says all. */}}
{{- define "ortler-tuning.image" -}}
{{- $image := .Values.image -}}
{{- $suffix := .Values.gpu.enabled | ternary "-gpu" "" -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (printf "%s-%s%s" .Values.ray.version .Values.ray.python $suffix) }}
{{- end -}}
{{- end -}}
