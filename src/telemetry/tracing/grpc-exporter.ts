/** A file of its own, so that the exporter is loaded only when it is the one that is wanted. */
export { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
