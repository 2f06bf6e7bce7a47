{{/* How job and server reach S3: both by the same variables and the same Secret. */}}

{{- define "ortler-tuning.storageEnv" -}}
{{- with .Values.storage.endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.storage.region }}
- name: AWS_DEFAULT_REGION
  value: {{ . | quote }}
{{- end }}
{{- if .Values.storage.caBundle.configMapName }}
- name: AWS_CA_BUNDLE
  value: /etc/ortler/ca/{{ .Values.storage.caBundle.key }}
{{- end }}
{{- end -}}

{{- define "ortler-tuning.storageEnvFrom" -}}
{{- with .Values.storage.secretName }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end -}}

{{- define "ortler-tuning.storageMounts" -}}
{{- if .Values.storage.caBundle.configMapName }}
- name: ca
  mountPath: /etc/ortler/ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "ortler-tuning.storageVolumes" -}}
{{- with .Values.storage.caBundle.configMapName }}
- name: ca
  configMap:
    name: {{ . }}
{{- end }}
{{- end -}}

{{/* The prefix of the model, which ends in a slash: s3://bucket/gpt2 has gpt2-large in it. */}}
{{- define "ortler-tuning.modelUri" -}}
{{- .Values.tuning.output | trimSuffix "/" -}}/
{{- end -}}
