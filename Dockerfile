# syntax=docker/dockerfile:1
# The image in three targets (docs/image.md): cpu, the default; caikit, the same beside a TGIS container; gpu.
#
#   docker build --tag ortler .
#   docker build --tag ortler:gpu --target gpu .

ARG NODE_VERSION=24.21.0
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM node:${NODE_VERSION}-bookworm-slim AS node

FROM node AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && node scripts/image/program.js /image

# ONNX Runtime with its CUDA provider, and just the CUDA libraries that it links.
FROM python:3.12-slim-bookworm AS cuda
COPY scripts/image/cuda.sh scripts/image/cuda.txt /build/
RUN bash /build/cuda.sh /cuda

# Neither a shell nor a package manager: the C library, certificates, Node and Ortler.
FROM ${BASE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Ortler" \
      org.opencontainers.image.description="Text-generation model server on ONNX Runtime, behind the APIs of Caikit and TGIS" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="Ortler" \
      name="ortler" \
      vendor="Ortler" \
      maintainer="Ortler" \
      version="${VERSION}" \
      release="${REVISION}" \
      summary="Text-generation model server" \
      description="Text-generation model server on ONNX Runtime, behind the APIs of Caikit and TGIS" \
      io.k8s.display-name="Ortler" \
      io.k8s.description="Text-generation model server on ONNX Runtime, behind the APIs of Caikit and TGIS" \
      io.openshift.tags="model-server,text-generation,kserve,caikit,tgis"
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/LICENSE /licenses/node/LICENSE
COPY --from=build /image/ /
# The only place that may be written to; no user has a home. A young generation of V8's that grows no larger saves some 28 MiB
# and costs no speed.
ENV NODE_ENV=production HOME=/tmp NODE_OPTIONS=--max-semi-space-size=4
WORKDIR /
# A number, because Kubernetes cannot tell of a name that it is not root. OpenShift runs it as another, in group 0.
USER 1001:0
EXPOSE 8085 8033 8080 3000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/node", "/opt/ortler/dist/cli.js"]
CMD ["serve"]

FROM runtime AS gpu
COPY --from=cuda /cuda/ /
# The driver's own libraries come from the node, by the NVIDIA container toolkit.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    LD_LIBRARY_PATH=/opt/onnxruntime \
    ORTLER_ORT_LIBRARY=/opt/onnxruntime/libonnxruntime.so.1 \
    ORTLER_DEVICE=auto

# Caikit's ports only, where TGIS's are another container's of the same pod; 8086 is Caikit's port for metrics.
FROM runtime AS caikit
ENV ORTLER_TGIS=false ORTLER_HEALTH_PORT=8086
EXPOSE 8086

FROM runtime AS cpu
