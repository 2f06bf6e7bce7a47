#!/usr/bin/env bash
# Tests Ortler on this machine's GPU; lies in the unpacked folder:
#
#   bash run.sh [--device cpu|cuda|cuda:N]
#
# The CUDA libraries are those in CUDA_LIBRARIES, a list of folders; by default those that pip installed for PyTorch.
set -euo pipefail
cd "$(dirname "$0")"

device=cuda
if [[ ${1:-} == --device ]]; then
  device=${2:?--device needs a value}
  shift 2
fi
[[ $# -eq 0 ]] || { echo "run.sh: unknown argument $1" >&2; exit 2; }

# Where pip puts libcublas.so.13 and the like: nvidia/cu13/lib of some folder on Python's path.
cuda_folders() {
  python3 -c 'import glob, nvidia
print(":".join(folder for root in nvidia.__path__ for folder in sorted(glob.glob(root + "/*/lib"))))' 2>/dev/null || true
}

export LD_LIBRARY_PATH=$PWD/onnxruntime:${CUDA_LIBRARIES:-$(cuda_folders)}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export ORTLER_ORT_LIBRARY=$PWD/onnxruntime/libonnxruntime.so.1
export ORTLER_DEVICE=$device ORTLER_GPU_RESULTS=$PWD/results
export PATH=$PWD/bin:$PATH

status=0
bin/node node_modules/vitest/vitest.mjs run --config vitest.gpu.config.ts || status=1
echo "results: $PWD/results"
exit "$status"
