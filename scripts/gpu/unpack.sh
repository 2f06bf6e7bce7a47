#!/usr/bin/env bash
# Joins the pieces beside it (scripts/gpu/pack.sh made them), unpacks them, tests the GPU and measures it:
#
#   bash unpack.sh FOLDER [what run.sh takes]
#
# Needs x86-64 Linux with glibc 2.28 or later, NVIDIA's driver (580 or later), and a Python with PyTorch for CUDA 13,
# whose CUDA libraries are used. Results are in FOLDER/results.
set -euo pipefail
pieces=$(cd "$(dirname "$0")" && pwd)
[[ $# -ge 1 ]] || { echo "usage: bash unpack.sh FOLDER [--device cpu|cuda|cuda:N] [--smoke] [test|bench]" >&2; exit 2; }
folder=$1
shift

(cd "$pieces" && sha256sum --check --quiet SHA256SUMS)
mkdir -p "$folder"
if command -v xz >/dev/null; then
  cat "$pieces"/ortler-gpu.tar.xz.* | tar --extract --xz --strip-components 1 --directory "$folder"
else # Python has its own
  cat "$pieces"/ortler-gpu.tar.xz.* | python3 -c 'import lzma, shutil, sys
shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)' | tar --extract --strip-components 1 --directory "$folder"
fi
exec bash "$folder/run.sh" "$@"
