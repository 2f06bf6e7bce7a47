#!/usr/bin/env bash
# Builds the MinIO server that `npm run test:minio` runs against, unless it is there, and prints its path:
#
#   MINIO_BINARY=$(bash scripts/minio.sh) npm run test:minio
#
# Needs Go. The binary stays in .cache/minio, which CI may keep between runs.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${MINIO_VERSION:-latest}
folder=$PWD/.cache/minio
if [[ ! -x $folder/minio ]]; then
  command -v go >/dev/null || { echo "minio.sh: Go is needed to build MinIO" >&2; exit 1; }
  mkdir -p "$folder"
  GOBIN=$folder go install "github.com/minio/minio@$version" >&2
fi
echo "$folder/minio"
