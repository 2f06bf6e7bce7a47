#!/usr/bin/env bash
# Fetches Prometheus and promtool from Debian's archive, unless they are there, and prints where they are:
#
#   env $(bash scripts/prometheus.sh) npm run test:deploy -- test/deploy/prometheus
#
# Nothing is installed: the package is unpacked to .cache/prometheus, which CI may keep between runs. Prints nothing and
# ends with 1 where there is no apt.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/.cache/prometheus
if [[ ! -d $folder/usr ]]; then
  if ! command -v apt-get >/dev/null; then
    echo "NOT RUN here: Prometheus comes from Debian's archive, and there is no apt-get" >&2
    exit 1
  fi
  mkdir -p "$folder"
  parts=$(mktemp -d "$folder/fetching.XXXXXX")
  download() { (cd "$parts" && apt-get download prometheus >/dev/null); }
  download 2>/dev/null || { apt-get update >/dev/null && download; } # without a list of packages, that one first
  dpkg -x "$parts"/prometheus_*.deb "$parts/unpacked"
  mv -T "$parts/unpacked/usr" "$folder/usr" # in one step: a fetch that was cut off leaves no half of it
  rm -r "$parts"
fi
echo "PROMETHEUS_BINARY=$folder/usr/bin/prometheus"
echo "PROMTOOL_BINARY=$folder/usr/bin/promtool"
