{{/*
What no schema can say: values that do not go together. Each line is a fault in words; all are told at once.
*/}}
{{- define "ortler.validate" -}}
{{- $faults := concat (include "ortler.faultsAnywhere" . | fromJsonArray) (include "ortler.faultsOfMode" . | fromJsonArray) -}}
{{- if $faults -}}
{{- fail (printf "\n\nThese values do not go together:\n- %s\n" (join "\n- " $faults)) -}}
{{- end -}}
{{- end -}}

{{- define "ortler.faultsAnywhere" -}}
{{- $faults := list -}}
{{- with .Values -}}
{{- $ports := compact (list .ports.grpc .ports.tgis .ports.http .ports.health) -}}
{{- if ne (len $ports) (len (uniq $ports)) -}}
{{- $faults = append $faults "ports: each must have a number of its own" -}}
{{- end -}}
{{- range $ports -}}
{{- if lt (int .) 1024 -}}
{{- $faults = append $faults (printf "ports: %d is below 1024, where only root may listen" (int .)) -}}
{{- end -}}
{{- end -}}
{{- if not (or .ports.grpc .ports.tgis .ports.http) -}}
{{- $faults = append $faults "ports: one of grpc, tgis and http must be served" -}}
{{- end -}}
{{- if and .tls.clientCaKey (not .tls.secretName) -}}
{{- $faults = append $faults "tls.clientCaKey needs tls.secretName" -}}
{{- end -}}
{{- if and .model.storageConfig.secretName (not .model.storageConfig.key) -}}
{{- $faults = append $faults "model.storageConfig.secretName needs model.storageConfig.key" -}}
{{- end -}}
{{- if and (eq .modelCache.type "claim") (not .modelCache.size) -}}
{{- $faults = append $faults "modelCache.type claim needs modelCache.size" -}}
{{- end -}}
{{- if and (eq .modelCache.type "existingClaim") (not .modelCache.claimName) -}}
{{- $faults = append $faults "modelCache.type existingClaim needs modelCache.claimName" -}}
{{- end -}}
{{- if gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas) -}}
{{- $faults = append $faults "autoscaling.minReplicas is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and (eq .autoscaling.type "hpa") (not .autoscaling.cpuPercent) (or .kserve.enabled (not .autoscaling.metrics)) -}}
{{- $faults = append $faults "autoscaling.type hpa needs autoscaling.cpuPercent, or without KServe autoscaling.metrics" -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}

{{- define "ortler.faultsOfMode" -}}
{{- include (.Values.kserve.enabled | ternary "ortler.faultsWithKserve" "ortler.faultsWithoutKserve") . -}}
{{- end -}}

{{- define "ortler.faultsWithoutKserve" -}}
{{- $faults := list -}}
{{- with .Values -}}
{{- if and (contains "://" .model.uri) (not (regexMatch "^(s3|hf|https?|pvc)://." .model.uri)) -}}
{{- $faults = append $faults (printf "model.uri %s: without KServe it must begin with s3://, hf://, https://, http:// or pvc://" .model.uri) -}}
{{- end -}}
{{- $scales := ne .autoscaling.type "none" -}}
{{- if and $scales (eq (int .autoscaling.minReplicas) 0) -}}
{{- $faults = append $faults "autoscaling.minReplicas 0: nothing would hold the requests that arrive; scale to zero with KServe's Serverless mode" -}}
{{- end -}}
{{- if and (eq .modelCache.type "claim") (eq .workload "Deployment") (eq .modelCache.accessMode "ReadWriteOnce") (or $scales (gt (int .replicas) 1)) -}}
{{- $faults = append $faults "modelCache: several pods of a Deployment cannot share a ReadWriteOnce claim; take workload StatefulSet or accessMode ReadWriteMany" -}}
{{- end -}}
{{- if and .ingress.grpc.enabled (not (or .ports.grpc .ports.tgis)) -}}
{{- $faults = append $faults "ingress.grpc needs ports.grpc or ports.tgis" -}}
{{- end -}}
{{- if and .grpcRoute.enabled (not (or .ports.grpc .ports.tgis)) -}}
{{- $faults = append $faults "grpcRoute needs ports.grpc or ports.tgis" -}}
{{- end -}}
{{- range $what, $enabled := dict "ingress" .ingress.enabled "httpRoute" .httpRoute.enabled "inferencePool" .inferencePool.enabled -}}
{{- if and $enabled (not $.Values.ports.http) -}}
{{- $faults = append $faults (printf "%s needs ports.http" $what) -}}
{{- end -}}
{{- end -}}
{{- if and .inferencePool.enabled (not .inferencePool.endpointPicker.name) -}}
{{- $faults = append $faults "inferencePool needs inferencePool.endpointPicker.name" -}}
{{- end -}}
{{- if and .inferencePool.enabled (or .apiKeys.secretName .tls.secretName) -}}
{{- $faults = append $faults "inferencePool: the endpoint picker reads metrics without an API key and without TLS" -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}

{{- define "ortler.faultsWithKserve" -}}
{{- $faults := list -}}
{{- with .Values -}}
{{- range $what, $enabled := dict "ingress" .ingress.enabled "ingress.grpc" .ingress.grpc.enabled "httpRoute" .httpRoute.enabled "grpcRoute" .grpcRoute.enabled "inferencePool" .inferencePool.enabled "tls" .tls.secretName -}}
{{- if $enabled -}}
{{- $faults = append $faults (printf "%s: with kserve.enabled, KServe and its gateway do that" $what) -}}
{{- end -}}
{{- end -}}
{{- if ne .workload "Deployment" -}}
{{- $faults = append $faults "workload: with kserve.enabled, KServe makes a Deployment" -}}
{{- end -}}
{{- if not (index .ports .kserve.protocol) -}}
{{- $faults = append $faults (printf "kserve.protocol %s needs ports.%s" .kserve.protocol .kserve.protocol) -}}
{{- end -}}
{{- if and (eq .kserve.loader "storage-initializer") (not .model.uri) -}}
{{- $faults = append $faults "kserve.loader storage-initializer needs model.uri" -}}
{{- end -}}
{{- if and (eq .kserve.loader "storage-initializer") (or .model.storageConfig.secretName .model.s3.endpoint .model.s3.region .model.caBundle.configMapName) -}}
{{- $faults = append $faults "model: kserve.loader storage-initializer has endpoint, region and authorities from annotations of model.credentials' Secret, not from model.s3, model.storageConfig and model.caBundle" -}}
{{- end -}}
{{- if and (eq .kserve.loader "server") (contains "://" .model.uri) (not (regexMatch "^(s3|hf|https?|pvc)://." .model.uri)) -}}
{{- $faults = append $faults (printf "model.uri %s: kserve.loader must be storage-initializer for it" .model.uri) -}}
{{- end -}}
{{- $isKnative := eq .kserve.deploymentMode "Serverless" -}}
{{- if and $isKnative (ne .autoscaling.type "none") -}}
{{- $faults = append $faults "autoscaling.type: Knative scales by itself; take none, or kserve.deploymentMode RawDeployment" -}}
{{- end -}}
{{- if and $isKnative .strategy -}}
{{- $faults = append $faults "strategy: Knative has its own; it needs kserve.deploymentMode RawDeployment" -}}
{{- end -}}
{{- if and (not $isKnative) (ne .autoscaling.type "none") (eq (int .autoscaling.minReplicas) 0) -}}
{{- $faults = append $faults "autoscaling.minReplicas 0 needs kserve.deploymentMode Serverless" -}}
{{- end -}}
{{- if eq .metrics.monitor "podMonitor" -}}
{{- $faults = append $faults "metrics.monitor podMonitor: KServe's pods declare no port for metrics; take serviceMonitor" -}}
{{- end -}}
{{- if contains "{{" (toJson (list .settings .extraArgs .extraEnv .model.uri .model.name)) -}}
{{- $faults = append $faults "settings, extraArgs, extraEnv and model: KServe would take {{ for a template of its own" -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}
