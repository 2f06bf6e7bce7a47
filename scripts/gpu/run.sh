#!/usr/bin/env bash
# Tests Ortler on this machine's GPU, then measures it, which takes less than 8 minutes; lies in the unpacked folder:
#
#   bash run.sh [--device cpu|cuda|cuda:N] [--smoke] [test|bench]
#
#   --device     what computes (cuda)
#   --smoke      measures a tiny model for some seconds: whether the benchmark works
#   test, bench  only this one of the two
#
# The CUDA libraries are those in CUDA_LIBRARIES, a list of folders; by default those that pip installed for PyTorch.
set -euo pipefail
cd "$(dirname "$0")"

device=cuda what=all bench_flags=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --device) device=${2:?--device needs a value} && shift ;;
    --smoke) bench_flags+=(--smoke) ;;
    test | bench) what=$1 ;;
    *) echo "run.sh: unknown argument $1" >&2 && exit 2 ;;
  esac
  shift
done

# Where pip puts libcublas.so.13 and the like: nvidia/cu13/lib of some folder on Python's path.
cuda_folders() {
  python3 -c 'import glob, nvidia
print(":".join(folder for root in nvidia.__path__ for folder in sorted(glob.glob(root + "/*/lib"))))' 2>/dev/null || true
}

export LD_LIBRARY_PATH=$PWD/onnxruntime:${CUDA_LIBRARIES:-$(cuda_folders)}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export ORTLER_ORT_LIBRARY=$PWD/onnxruntime/libonnxruntime.so.1
export PATH=$PWD/bin:$PATH

results=$PWD/results status=0
if [[ $what != bench ]]; then
  ORTLER_DEVICE=$device ORTLER_GPU_RESULTS=$results \
    node node_modules/vitest/vitest.mjs run --config vitest.gpu.config.ts || status=1
fi
if [[ $what != test ]]; then
  node dist-bench/bench/cli.js gpu --device "$device" --out "$results" "${bench_flags[@]}" || status=1
fi
echo "results: $results"
exit "$status"
