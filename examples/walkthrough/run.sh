#!/usr/bin/env bash
# From nothing to the answer: `npm run walkthrough`. Needs Python 3.11 or later, Node and Go; takes a quarter of an hour.
#
# The environment is in .cache/walkthrough and is made once. On machines without GPUs PyTorch's CPU build is much
# smaller than the default one: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu finds it.
set -euo pipefail
cd "$(dirname "$0")/../.."

cache=$PWD/.cache/walkthrough
python=${PYTHON:-python3}
# What is installed is known by the file that names it: another one makes a new environment.
wanted=$(sha256sum examples/finetune/pyproject.toml)
if [[ ! -f $cache/installed || $(<"$cache/installed") != "$wanted" ]]; then
  echo "== a Python environment with Ray, PyTorch and transformers"
  rm -rf "$cache/venv"
  "$python" -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --editable "examples/finetune[train,walkthrough,test]"
  echo "$wanted" >"$cache/installed"
fi

echo "== the server"
[[ -d node_modules ]] || npm ci
npm run --silent build

echo "== MinIO"
MINIO_BINARY=$(bash scripts/minio.sh)
export MINIO_BINARY

export PATH=$cache/venv/bin:$PATH
cd examples/walkthrough
exec python -m walkthrough "$@"
