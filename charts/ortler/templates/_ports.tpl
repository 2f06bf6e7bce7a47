{{/* Names of ports tell a mesh the protocol; behind TLS it must not look inside. */}}

{{/* JSON list of {name, port, appProtocol} of all ports that are served. */}}
{{- define "ortler.ports" -}}
{{- $tls := ne .Values.tls.secretName "" -}}
{{- $ports := list -}}
{{- with .Values.ports -}}
{{- if .grpc -}}
{{- $ports = append $ports (dict "name" ($tls | ternary "tls-caikit" "grpc-caikit") "port" .grpc "appProtocol" ($tls | ternary "https" "kubernetes.io/h2c")) -}}
{{- end -}}
{{- if .tgis -}}
{{- $ports = append $ports (dict "name" ($tls | ternary "tls-tgis" "grpc-tgis") "port" .tgis "appProtocol" ($tls | ternary "https" "kubernetes.io/h2c")) -}}
{{- end -}}
{{- if .http -}}
{{- $ports = append $ports (dict "name" ($tls | ternary "https-rest" "http-rest") "port" .http "appProtocol" ($tls | ternary "https" "http")) -}}
{{- end -}}
{{- $ports = append $ports (dict "name" "http-metrics" "port" .health "appProtocol" "http") -}}
{{- end -}}
{{- toJson $ports -}}
{{- end -}}

{{/* The port that gRPC clients use. */}}
{{- define "ortler.grpcPort" -}}
{{- .Values.ports.grpc | default .Values.ports.tgis | int -}}
{{- end -}}
