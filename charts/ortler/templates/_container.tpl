{{/* What the server's container has, with and without KServe. */}}

{{- define "ortler.environment" -}}
{{- $variables := concat (include "ortler.modelEnv" . | fromYamlArray) .Values.extraEnv -}}
{{- $sources := .Values.extraEnvFrom -}}
{{- if and .Values.model.credentials.secretName (include "ortler.fetchesModel" .) -}}
{{- $sources = prepend $sources (dict "secretRef" (dict "name" .Values.model.credentials.secretName)) -}}
{{- end -}}
{{- with $variables -}}
env:
  {{- toYaml . | nindent 2 }}
{{ end }}
{{- with $sources -}}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "ortler.resources" -}}
{{- $resources := .Values.resources -}}
{{- if .Values.gpu.enabled -}}
{{- $gpu := dict .Values.gpu.resourceName .Values.gpu.count -}}
{{- $resources = merge (dict "limits" $gpu) (deepCopy $resources) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{- define "ortler.volumeMounts" -}}
- name: scratch
  mountPath: /tmp
- name: cache
  mountPath: /var/cache/ortler
{{- if and (include "ortler.modelClaim" .) (not .Values.kserve.enabled) }}
- name: model
  mountPath: /mnt/models
  readOnly: true
  {{- with include "ortler.modelClaimPath" . }}
  subPath: {{ . | quote }}
  {{- end }}
{{- end }}
{{- if .Values.tls.secretName }}
- name: tls
  mountPath: /etc/ortler/tls
  readOnly: true
{{- end }}
{{- if .Values.apiKeys.secretName }}
- name: api-keys
  mountPath: /etc/ortler/api-keys
  readOnly: true
{{- end }}
{{- if .Values.model.caBundle.configMapName }}
- name: ca
  mountPath: /etc/ortler/ca
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ortler.volumes" -}}
- name: scratch
  emptyDir: {}
{{- include "ortler.cacheVolume" . }}
{{- if not .Values.kserve.enabled }}
{{- with include "ortler.modelClaim" . }}
- name: model
  persistentVolumeClaim:
    claimName: {{ . }}
    readOnly: true
{{- end }}
{{- end }}
{{- with .Values.tls.secretName }}
- name: tls
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.apiKeys.secretName }}
- name: api-keys
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.model.caBundle.configMapName }}
- name: ca
  configMap:
    name: {{ . }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A StatefulSet brings the volume `cache` by its claim template. */}}
{{- define "ortler.cacheVolume" -}}
{{- $cache := .Values.modelCache -}}
{{- if eq $cache.type "emptyDir" }}
- name: cache
  emptyDir:
    {{- if $cache.size }}
    sizeLimit: {{ $cache.size }}
    {{- else }} {}
    {{- end }}
{{- else if or (eq $cache.type "existingClaim") (ne .Values.workload "StatefulSet") }}
- name: cache
  persistentVolumeClaim:
    claimName: {{ eq $cache.type "claim" | ternary (printf "%s-cache" (include "ortler.fullname" .)) $cache.claimName }}
{{- end }}
{{- end -}}

{{- define "ortler.cacheClaimSpec" -}}
accessModes: [{{ .Values.modelCache.accessMode }}]
{{- with .Values.modelCache.storageClassName }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .Values.modelCache.size }}
{{- end -}}

{{- define "ortler.gracePeriodSeconds" -}}
{{- $needed := add .Values.shutdown.settleSeconds (dig "shutdownGraceSeconds" 45 .Values.settings | ceil) 10 -}}
{{- .Values.shutdown.terminationGracePeriodSeconds | default $needed | int -}}
{{- end -}}
