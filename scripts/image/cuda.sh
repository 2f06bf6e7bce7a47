#!/usr/bin/env bash
# Writes ONNX Runtime with its CUDA provider, and just the libraries that this links, into a folder, as they lie in the
# image: bash scripts/image/cuda.sh FOLDER. Needs Python 3.12 on x86-64; runs in the Dockerfile.
set -euo pipefail

root=$1
libraries=$root/opt/onnxruntime
licenses=$root/licenses/cuda
wheels=$(mktemp -d)
trap 'rm -r "$wheels"' EXIT

pip download --quiet --no-deps --require-hashes --dest "$wheels" --requirement "$(dirname "$0")/cuda.txt"
for wheel in "$wheels"/*.whl; do python3 -m zipfile -e "$wheel" "$wheels/unpacked"; done

mkdir -p "$libraries" "$licenses"
cd "$wheels/unpacked"
cp onnxruntime/capi/libonnxruntime.so.1.* "$libraries/libonnxruntime.so.1"
cp onnxruntime/capi/libonnxruntime_providers_{cuda,shared}.so "$libraries"
cp nvidia/cu13/lib/lib{cublas,cublasLt,cudart}.so.13 nvidia/cu13/lib/libcurand.so.10 "$libraries"
cp onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt "$licenses"
for license in nvidia_*.dist-info/licenses/License.txt; do cp "$license" "$licenses/${license%%.dist-info*}.txt"; done
chmod -R u=rwX,go=rX "$root"

# The driver's library comes from the node. Whatever else is not there was forgotten above.
missing=$(LD_LIBRARY_PATH=$libraries ldd "$libraries"/*.so* | grep "not found" | grep -v "libcuda.so.1 " || true)
if [[ -n $missing ]]; then
  echo "cuda.sh: the CUDA provider links what is not here:" "$missing" >&2
  exit 1
fi
