{{- define "ortler.testLabels" -}}
app.kubernetes.io/name: {{ include "ortler.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What a client calls: the port that is served first, behind KServe the one that it exposes. */}}
{{- define "ortler.testAddress" -}}
{{- $isHttp := .Values.kserve.enabled | ternary (eq .Values.kserve.protocol "http") (not (or .Values.ports.grpc .Values.ports.tgis)) -}}
{{- $port := $isHttp | ternary (int .Values.ports.http) (include "ortler.grpcPort" . | int) -}}
{{- $host := include "ortler.fullname" . -}}
{{- if .Values.kserve.enabled -}}
{{- $port = 80 -}}
{{- $host = printf "%s-predictor" $host -}}
{{- end -}}
{{- printf "%s%s://%s.%s.svc:%d%s" ($isHttp | ternary "http" "grpc") (empty .Values.tls.secretName | ternary "" "s") $host .Release.Namespace $port ($isHttp | ternary "/v2/health/ready" "") -}}
{{- end -}}
