{{/* PromQL over all pods of the release: KEDA and KServe divide by the number of pods. */}}
{{- define "ortler.sumOverPods" -}}
{{- printf "sum(%s{namespace=%q,pod=~%q})" .metric .root.Release.Namespace (include "ortler.podPattern" .root) -}}
{{- end -}}

{{- define "ortler.podPattern" -}}
{{- include "ortler.fullname" . }}{{ .Values.kserve.enabled | ternary "-predictor" "" }}-.+
{{- end -}}
