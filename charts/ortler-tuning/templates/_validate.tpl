{{/*
What no schema can say: values that do not go together. Each line is a fault in words; all are told at once.
*/}}
{{- define "ortler-tuning.validate" -}}
{{- $faults := concat (include "ortler-tuning.faults" . | fromJsonArray) (include "ortler-tuning.quotaFaults" . | fromJsonArray) -}}
{{- if $faults -}}
{{- fail (printf "\n\nThese values do not go together:\n- %s\n" (join "\n- " $faults)) -}}
{{- end -}}
{{- end -}}

{{- define "ortler-tuning.faults" -}}
{{- $faults := list -}}
{{- $name := include "ortler-tuning.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- $faults = append $faults (printf "%s is no name for a RayJob, which begins with a letter and has letters, digits and dashes: set fullnameOverride" $name) -}}
{{- end -}}
{{- with .Values -}}
{{- if not (or .image.digest (eq .image.tag "") (hasPrefix .ray.version .image.tag)) -}}
{{- $faults = append $faults (printf "image.tag %s must begin with ray.version %s: head and workers must have the Ray that the job names" .image.tag .ray.version) -}}
{{- end -}}
{{- if and (not .pip.install) (eq .image.repository "rayproject/ray") -}}
{{- $faults = append $faults "pip.install false needs an image that has the packages: image.repository" -}}
{{- end -}}
{{- if not (or .storage.secretName .serviceAccountName) -}}
{{- $faults = append $faults "storage.secretName: without it a serviceAccountName must bring the credentials" -}}
{{- end -}}
{{- if and (not .queue.create) (not .queue.name) -}}
{{- $faults = append $faults "queue.create false needs queue.name" -}}
{{- end -}}
{{- if and .provisioning.enabled (not .queue.create) -}}
{{- $faults = append $faults "provisioning needs queue.create: the check belongs to the ClusterQueue" -}}
{{- end -}}
{{- if and .serving.enabled (contains "{{" (toJson (list .serving.args .tuning.output))) -}}
{{- $faults = append $faults "serving.args and tuning.output: KServe would take {{ for a template of its own" -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}

{{/* A job that asks for more than the queue's whole quota would wait for ever, without a word. */}}
{{- define "ortler-tuning.quotaFaults" -}}
{{- $faults := list -}}
{{- if .Values.queue.create -}}
{{- range $flavor, $asked := include "ortler-tuning.demand" . | fromJson -}}
{{- $quota := index $.Values.queue $flavor -}}
{{- if gt (int $asked.milliCpus) (mulf $quota.cpu 1000 | int) -}}
{{- $faults = append $faults (printf "queue.%s.cpu is less than the %dm that the job asks for: it would never be admitted" $flavor (int $asked.milliCpus)) -}}
{{- end -}}
{{- if gt (int $asked.mebibytes) (include "ortler-tuning.mebibytes" $quota.memory | int) -}}
{{- $faults = append $faults (printf "queue.%s.memory is less than the %dMi that the job asks for: it would never be admitted" $flavor (int $asked.mebibytes)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.gpu.enabled (gt (int .Values.workers.replicas) (int .Values.queue.gpu.gpus)) -}}
{{- $faults = append $faults "queue.gpu.gpus is less than workers.replicas, which take one each: the job would never be admitted" -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}

{{/* JSON of what the job asks for of each flavor: head and submitter of `cpu`, workers of `gpu` if they have any. */}}
{{- define "ortler-tuning.demand" -}}
{{- $submitter := dict "cpu" 0.5 "memory" "512Mi" -}}
{{- $around := list .Values.head $submitter -}}
{{- $workers := list -}}
{{- range until (int .Values.workers.replicas) }}{{ $workers = append $workers $.Values.workers }}{{ end -}}
{{- $podsOf := dict "cpu" (concat $around $workers) -}}
{{- if .Values.gpu.enabled }}{{ $podsOf = dict "cpu" $around "gpu" $workers }}{{ end -}}
{{- $demand := dict -}}
{{- range $flavor, $pods := $podsOf -}}
{{- $milliCpus := 0 -}}
{{- $mebibytes := 0 -}}
{{- range $pods -}}
{{- $milliCpus = add $milliCpus (mulf .cpu 1000 | int) -}}
{{- $mebibytes = add $mebibytes (include "ortler-tuning.mebibytes" .memory | int) -}}
{{- end -}}
{{- $demand = set $demand $flavor (dict "milliCpus" $milliCpus "mebibytes" $mebibytes) -}}
{{- end -}}
{{- toJson $demand -}}
{{- end -}}

{{/* Of a size such as 512Mi, 4Gi or 1Ti. */}}
{{- define "ortler-tuning.mebibytes" -}}
{{- $unit := dict "Mi" 1 "Gi" 1024 "Ti" 1048576 -}}
{{- mul (regexFind "^[0-9]+" .) (index $unit (regexFind "[A-Z]i$" .)) -}}
{{- end -}}
