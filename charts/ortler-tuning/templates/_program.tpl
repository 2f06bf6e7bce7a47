{{/* What the job runs: the Python package examples/finetune, its options, and the packages that it needs. */}}

{{/* JSON map of file name to source, out of a ConfigMap that is made from the package. */}}
{{- define "ortler-tuning.code" -}}
{{- (.Files.Get "files/code.yaml" | fromYaml).data | toJson -}}
{{- end -}}

{{/* The package's file of options. Those about hardware follow from what the pods ask for. */}}
{{- define "ortler-tuning.options" -}}
{{- $options := deepCopy .Values.tuning.options -}}
{{- $options = merge (dict "model" .Values.tuning.model "data" .Values.tuning.data "output" .Values.tuning.output) $options -}}
{{- $options = merge (dict "workers" (int .Values.workers.replicas) "cpusPerWorker" (int .Values.workers.cpu)) $options -}}
{{- $options = merge (dict "device" (.Values.gpu.enabled | ternary "gpu" "cpu")) $options -}}
{{- toPrettyJson $options -}}
{{- end -}}

{{/* Ray installs the packages on each node before the program starts. Empty where the image has them. */}}
{{- define "ortler-tuning.runtimeEnv" -}}
{{- if .Values.pip.install -}}
pip:
  {{- toYaml .Values.pip.packages | nindent 2 }}
config:
  setup_timeout_seconds: {{ .Values.pip.timeoutSeconds }}
{{- end -}}
{{- end -}}

{{- define "ortler-tuning.environment" -}}
env:
  - name: PYTHONPATH
    value: /opt/ortler
  - name: HF_HOME
    value: /tmp/huggingface
  {{- with .Values.pip.indexUrl }}
  - name: PIP_INDEX_URL
    value: {{ . | quote }}
  {{- end }}
  {{- include "ortler-tuning.storageEnv" . | nindent 2 }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .Values.storage.secretName .Values.huggingFace.secretName }}
envFrom:
  {{- include "ortler-tuning.storageEnvFrom" . | nindent 2 }}
  {{- with .Values.huggingFace.secretName }}
  - secretRef:
      name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}
