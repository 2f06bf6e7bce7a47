{{/* Where the model comes from. */}}

{{/* Claim of `pvc://claim/path`; empty for other sources. */}}
{{- define "ortler.modelClaim" -}}
{{- if hasPrefix "pvc://" .Values.model.uri -}}
{{- regexReplaceAll "^pvc://([^/]+).*$" .Values.model.uri "${1}" -}}
{{- end -}}
{{- end -}}

{{- define "ortler.modelClaimPath" -}}
{{- regexReplaceAll "^pvc://[^/]+/?" .Values.model.uri "" | trimSuffix "/" -}}
{{- end -}}

{{/* The claim is mounted at /mnt/models, a name that says nothing: the path has a better one. */}}
{{- define "ortler.modelName" -}}
{{- $claim := include "ortler.modelClaim" . -}}
{{- if .Values.model.name -}}
{{- .Values.model.name -}}
{{- else if and $claim (not .Values.kserve.enabled) -}}
{{- include "ortler.modelClaimPath" . | base | trimPrefix "." | default $claim -}}
{{- end -}}
{{- end -}}

{{/* KServe's storageUri; empty when the server fetches the model. Claims are always KServe's to mount. */}}
{{- define "ortler.storageUri" -}}
{{- if or (eq .Values.kserve.loader "storage-initializer") (include "ortler.modelClaim" .) -}}
{{- .Values.model.uri -}}
{{- end -}}
{{- end -}}

{{/* "true" when the server fetches the model, and so needs the credentials. */}}
{{- define "ortler.fetchesModel" -}}
{{- if not (and .Values.kserve.enabled (include "ortler.storageUri" .)) -}}true{{- end -}}
{{- end -}}

{{/* Variables to fetch the model with. */}}
{{- define "ortler.modelEnv" -}}
{{- if include "ortler.fetchesModel" . }}
{{- with .Values.model.s3.endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.model.s3.region }}
- name: AWS_DEFAULT_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.model.storageConfig }}
{{- if .secretName }}
- name: STORAGE_CONFIG
  valueFrom:
    secretKeyRef:
      name: {{ .secretName }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- if .Values.model.caBundle.configMapName }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/ortler/ca/{{ .Values.model.caBundle.key }}
{{- end }}
{{- end }}
{{- end -}}
