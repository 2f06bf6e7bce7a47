#!/usr/bin/env bash
# Whether pods and images can be run here with the kernel's own means: namespaces, a veth pair, another user, a memory
# limit. Ends with 0 if so; otherwise says what is missing.
set -u

missing() {
  echo "NOT RUN here: $1" >&2
  exit 1
}

[[ $(id -u) == 0 ]] || missing "it takes root"
for tool in ip unshare nsenter setpriv chroot ldd; do
  command -v "$tool" >/dev/null || missing "there is no $tool"
done
unshare --mount --net --pid --fork ip link set lo up 2>/dev/null || missing "the kernel makes no namespaces for us"
ip link add ortler-probe type veth peer name ortler-probe2 2>/dev/null || missing "no network interface can be made"
ip link delete ortler-probe

for group in /sys/fs/cgroup/ortler-probe /sys/fs/cgroup/memory/ortler-probe; do
  mkdir "$group" 2>/dev/null || continue
  limits=("$group"/memory.max "$group"/memory.limit_in_bytes)
  found=no
  for limit in "${limits[@]}"; do [[ -w $limit ]] && found=yes; done
  rmdir "$group"
  [[ $found == yes ]] && exit 0
done
missing "no control group takes a memory limit"
