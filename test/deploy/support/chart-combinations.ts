import type { Values } from "./chart.js";

const parentRefs = [{ name: "gateway", namespace: "gateways" }];
const clients = [{ namespaceSelector: { matchLabels: { team: "writers" } } }];

const monitoring = {
  metrics: {
    monitor: "serviceMonitor",
    labels: { release: "prometheus" },
    rules: { enabled: true },
    dashboard: { enabled: true },
  },
  podDisruptionBudget: { enabled: true },
} satisfies Values;

const placement = {
  imagePullSecrets: [{ name: "registry" }],
  nodeSelector: { disk: "nvme" },
  tolerations: [{ key: "models", operator: "Exists" }],
  affinity: { nodeAffinity: {} },
  priorityClassName: "serving",
  podLabels: { team: "writers" },
  podAnnotations: { note: "yes" },
  podSecurityContext: { supplementalGroups: [4000] },
} satisfies Values;

const extras = {
  extraArgs: ["--log-level=debug"],
  extraEnv: [{ name: "OTEL_TRACES_SAMPLER", value: "always_on" }],
  extraEnvFrom: [{ secretRef: { name: "more" } }],
  extraVolumes: [{ name: "shm", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } }],
  extraVolumeMounts: [{ name: "shm", mountPath: "/dev/shm" }],
} satisfies Values;

const minio = {
  model: {
    uri: "s3://models/gpt2/",
    credentials: { secretName: "minio" },
    s3: { endpoint: "http://minio.minio.svc:9000", region: "us-east-1" },
    caBundle: { configMapName: "authorities" },
  },
} satisfies Values;

/** With what people install the chart; each is rendered by both Helms and held to schemas and rules. */
export const combinations: Readonly<Record<string, Values>> = {
  "nothing but defaults": {},
  "a model of MinIO": minio,
  "a model of a storage-config Secret": {
    model: { uri: "s3:///gpt2/", storageConfig: { secretName: "storage-config", key: "minio" } },
  },
  "a model on a claim": { model: { uri: "pvc://claim/models/gpt2" } },
  "a model that is a whole claim": { model: { uri: "pvc://claim" } },
  "a model of the hub, quantised": {
    model: { uri: "hf://openai-community/gpt2", dtype: "int8" },
    settings: { kvDtype: "int8", maxSlots: 64 },
  },
  "a cache on a claim of the chart": { modelCache: { type: "claim", size: "20Gi", storageClassName: "fast" } },
  "a shared cache for several pods": {
    replicas: 3,
    modelCache: { type: "claim", size: "20Gi", accessMode: "ReadWriteMany" },
  },
  "a cache on an existing claim": { modelCache: { type: "existingClaim", claimName: "models" } },
  "a StatefulSet with a cache for each pod": {
    workload: "StatefulSet",
    replicas: 2,
    modelCache: { type: "claim", size: "20Gi" },
    strategy: { type: "RollingUpdate" },
  },
  "mutual TLS and API keys": {
    tls: { secretName: "certificate", clientCaKey: "ca.crt" },
    apiKeys: { secretName: "keys" },
  },
  "HTTP alone, with an Ingress": {
    ports: { grpc: 0, tgis: 0 },
    ingress: { enabled: true, className: "nginx", hosts: ["gpt2.example.com"] },
  },
  "gRPC alone, on TGIS's port": {
    ports: { grpc: 0, http: 0 },
    grpcRoute: { enabled: true, parentRefs },
    ingress: { grpc: { enabled: true } },
  },
  "Gateway API routes": {
    httpRoute: { enabled: true, parentRefs, hostnames: ["gpt2.example.com"], timeout: "600s" },
    grpcRoute: { enabled: true, parentRefs, hostnames: ["grpc.example.com"], annotations: { note: "yes" } },
  },
  "an HPA by CPU and by queue": {
    autoscaling: {
      type: "hpa",
      metrics: [
        {
          type: "Pods",
          pods: { metric: { name: "ortler_queue_length" }, target: { type: "AverageValue", averageValue: "4" } },
        },
      ],
    },
  },
  "KEDA, scaling a StatefulSet": {
    workload: "StatefulSet",
    autoscaling: { type: "keda", minReplicas: 2, queueLength: 2.5 },
  },
  "an InferencePool": { inferencePool: { enabled: true, endpointPicker: { name: "picker" } } },
  "a NetworkPolicy": {
    networkPolicy: {
      enabled: true,
      from: clients,
      metricsFrom: clients,
      egress: [{ to: clients, ports: [{ port: 9000 }] }],
    },
  },
  "a PodMonitor": { metrics: { monitor: "podMonitor" } },
  "a GPU": {
    gpu: { enabled: true, resourceName: "nvidia.com/mig-1g.10gb", runtimeClassName: "nvidia" },
    image: { tag: "1.2.3" },
  },
  "everything at once": {
    ...monitoring,
    ...placement,
    ...extras,
    ...minio,
    replicas: 3,
    nameOverride: "server",
    image: { repository: "registry.example.com/ortler", digest: `sha256:${"0".repeat(64)}` },
    serviceAccount: { annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/models" } },
    service: { type: "LoadBalancer", annotations: { note: "yes" } },
    modelCache: { size: "20Gi" },
    settings: { shutdownGraceSeconds: 100, maxPromptCharacters: 1_000_000, spin: false, kvMemory: "2Gi" },
    tls: { secretName: "certificate" },
    apiKeys: { secretName: "keys", key: "keys.txt" },
    autoscaling: { type: "keda" },
    gpu: { enabled: true },
    ingress: {
      enabled: true,
      tls: [{ hosts: ["gpt2.example.com"], secretName: "site" }],
      grpc: { enabled: true, hosts: ["grpc.example.com"] },
    },
    httpRoute: { enabled: true, parentRefs },
    grpcRoute: { enabled: true, parentRefs },
    networkPolicy: { enabled: true, from: clients },
  },
  "KServe on Knative": { kserve: { enabled: true }, ...minio, autoscaling: { minReplicas: 0 } },
  "KServe on Knative over HTTP": { kserve: { enabled: true, protocol: "http" }, apiKeys: { secretName: "keys" } },
  "KServe in raw mode, with the storage initializer": {
    kserve: { enabled: true, deploymentMode: "RawDeployment", loader: "storage-initializer", protocol: "http" },
    model: { uri: "gs://models/gpt2/", credentials: { secretName: "minio" } },
    replicas: 2,
  },
  "KServe in raw mode, with a claim and an HPA": {
    kserve: { enabled: true, deploymentMode: "RawDeployment" },
    model: { uri: "pvc://claim/gpt2", name: "gpt2-wikitext" },
    autoscaling: { type: "hpa" },
  },
  "KServe in raw mode, with everything": {
    ...monitoring,
    ...placement,
    ...extras,
    kserve: {
      enabled: true,
      deploymentMode: "RawDeployment",
      annotations: { note: "yes" },
      labels: { "networking.kserve.io/visibility": "cluster-local" },
    },
    autoscaling: { type: "keda" },
    strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    modelCache: { type: "claim", size: "20Gi" },
    gpu: { enabled: true, runtimeClassName: "nvidia" },
    networkPolicy: { enabled: true, from: clients },
    settings: { maxSlots: 16 },
  },
};
