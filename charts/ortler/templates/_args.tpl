{{/* The server's command line. All of these give a JSON list of texts. */}}

{{/* Where it listens, and with which secrets. */}}
{{- define "ortler.servingArgs" -}}
{{- $args := list -}}
{{- range $setting, $port := dict "grpc" .Values.ports.grpc "http" .Values.ports.http "tgis" .Values.ports.tgis -}}
{{- if not $port -}}
{{- $args = append $args (printf "--no-%s" $setting) -}}
{{- else if and $.Values.inferencePool.enabled (eq $setting "http") -}}
{{- $args = append $args (printf "--port=%d" (int $port)) -}}
{{- else -}}
{{- $args = append $args (printf "--%s-port=%d" $setting (int $port)) -}}
{{- end -}}
{{- end -}}
{{- $args = append $args (printf "--health-port=%d" (int .Values.ports.health)) -}}
{{- $args = append $args (printf "--shutdown-delay-seconds=%d" (int .Values.shutdown.settleSeconds)) -}}
{{- $args = concat $args (list "--model-cache=/var/cache/ortler/models" "--weights-cache=/var/cache/ortler/weights") -}}
{{- if .Values.tls.secretName -}}
{{- $args = concat $args (list "--tls-cert=/etc/ortler/tls/tls.crt" "--tls-key=/etc/ortler/tls/tls.key") -}}
{{- with .Values.tls.clientCaKey -}}
{{- $args = append $args (printf "--tls-client-ca=/etc/ortler/tls/%s" .) -}}
{{- end -}}
{{- end -}}
{{- if .Values.apiKeys.secretName -}}
{{- $args = append $args (printf "--api-keys-file=/etc/ortler/api-keys/%s" .Values.apiKeys.key) -}}
{{- end -}}
{{- toJson $args -}}
{{- end -}}

{{- define "ortler.modelArgs" -}}
{{- $args := list (printf "--dtype=%s" .Values.model.dtype) -}}
{{- $initializer := and .Values.kserve.enabled (eq (include "ortler.storageUri" .) .Values.model.uri) -}}
{{- with .Values.model.uri -}}
{{- $args = append $args (printf "--model=%s" ($initializer | ternary "/mnt/models" .)) -}}
{{- end -}}
{{- with include "ortler.modelName" . -}}
{{- $args = append $args (printf "--model-id=%s" .) -}}
{{- end -}}
{{- toJson $args -}}
{{- end -}}

{{/*
`settings` as flags. toJson writes numbers out; Helm holds them as floats, and would print 1000000 as 1e+06.
*/}}
{{- define "ortler.settingsArgs" -}}
{{- $args := list -}}
{{- range $key, $value := .Values.settings -}}
{{- $text := kindIs "string" $value | ternary $value (toJson $value) -}}
{{- $args = append $args (printf "--%s=%s" (kebabcase $key) $text) -}}
{{- end -}}
{{- toJson (concat $args .Values.extraArgs) -}}
{{- end -}}
