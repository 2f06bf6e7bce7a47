{{/* The pods of the Ray cluster. */}}

{{/* Takes root, role (head or worker) and the job's name. */}}
{{- define "ortler-tuning.rayPod" -}}
{{- $values := .root.Values -}}
{{- $isHead := eq .role "head" -}}
{{- with $values.podLabels }}
metadata:
  labels:
    {{- toYaml . | nindent 4 }}
{{- end }}
spec:
  {{- include "ortler-tuning.podSettings" .root | nindent 2 }}
  {{- if and $values.gpu.enabled $values.gpu.runtimeClassName (not $isHead) }}
  runtimeClassName: {{ $values.gpu.runtimeClassName }}
  {{- end }}
  containers:
    - name: ray-{{ .role }}
      image: {{ include "ortler-tuning.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- include "ortler-tuning.environment" .root | nindent 6 }}
      {{- if $isHead }}
      ports:
        - name: gcs-server
          containerPort: 6379
        - name: dashboard
          containerPort: 8265
        - name: client
          containerPort: 10001
      {{- end }}
      resources:
        {{- $hasGpu := and $values.gpu.enabled (not $isHead) }}
        {{- $size := $isHead | ternary $values.head $values.workers }}
        {{- include "ortler-tuning.resources" (dict "size" $size "gpu" ($hasGpu | ternary $values.gpu.resourceName "")) | nindent 8 }}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      volumeMounts:
        - name: code
          mountPath: /opt/ortler/ortler_finetune
          readOnly: true
        - name: options
          mountPath: /etc/ortler/tuning
          readOnly: true
        - name: scratch
          mountPath: /tmp
        - name: shm
          mountPath: /dev/shm
        {{- include "ortler-tuning.storageMounts" .root | nindent 8 }}
  volumes:
    - name: code
      configMap:
        name: {{ .name }}-code
    - name: options
      configMap:
        name: {{ .name }}-options
    - name: scratch
      emptyDir: {}
    # Ray's object store. It counts as memory of the container.
    - name: shm
      emptyDir:
        medium: Memory
        sizeLimit: {{ $values.sharedMemory }}
    {{- include "ortler-tuning.storageVolumes" .root | nindent 4 }}
{{- end -}}

{{/* Asks `ray job submit` in a pod of its own, whose log is the program's. Kueue counts it, too. */}}
{{- define "ortler-tuning.submitterPod" -}}
spec:
  {{- include "ortler-tuning.podSettings" . | nindent 2 }}
  restartPolicy: Never
  containers:
    - name: ray-job-submitter
      image: {{ include "ortler-tuning.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      resources:
        {{- include "ortler-tuning.resources" (dict "size" (dict "cpu" "500m" "memory" "512Mi") "gpu" "") | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
{{- end -}}

{{- define "ortler-tuning.podSettings" -}}
{{- with .Values.serviceAccountName -}}
serviceAccountName: {{ . }}
{{ end -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What is asked for is what is got: Kueue counts requests, and Ray takes the limits for its own. */}}
{{- define "ortler-tuning.resources" -}}
{{- $resources := dict "cpu" (toString .size.cpu) "memory" .size.memory -}}
{{- if .gpu -}}
{{- $resources = set $resources .gpu "1" -}}
{{- end -}}
{{- toYaml (dict "requests" $resources "limits" $resources) -}}
{{- end -}}
