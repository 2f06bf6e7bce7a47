import os from "node:os";
import { describe, expect, test } from "vitest";
import { availableCpus, memoryLimitBytes } from "../../src/config/cpu.js";

const gib = 2 ** 30;
type Tree = Readonly<Record<string, string>>;

function machine(tree: Tree, affinity = 16) {
  return { affinity, totalMemoryBytes: 64 * gib, readText: (path: string) => tree[path] };
}

/** A container of a cgroup v2 host with its own cgroup namespace: it sees its group as the root. */
const version2 = {
  "/proc/self/cgroup": "0::/\n",
  "/proc/self/mountinfo": [
    "23 30 0:22 / /sys rw,nosuid - sysfs sysfs rw",
    "31 23 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate",
  ].join("\n"),
};

/** A process in a systemd slice, on the host itself. */
const version2Nested = { ...version2, "/proc/self/cgroup": "0::/kubepods.slice/pod1.slice/run-7.scope\n" };

/** A container of a cgroup v1 host without cgroup namespace: the names are the host's, the mounts the group itself. */
const version1 = {
  "/proc/self/cgroup":
    "5:memory:/docker/ab12\n4:cpu,cpuacct:/docker/ab12\n1:name=systemd:/docker/ab12\n0::/system.slice\n",
  "/proc/self/mountinfo": [
    "712 711 0:30 /docker/ab12 /sys/fs/cgroup/cpu,cpuacct ro,relatime master:11 - cgroup cgroup rw,cpu,cpuacct",
    "713 711 0:33 /docker/ab12 /sys/fs/cgroup/memory ro,relatime master:14 - cgroup cgroup rw,memory",
  ].join("\n"),
};

/** Both versions mounted, as systemd's hybrid layout does: the controllers are in version 1. */
const hybrid = {
  "/proc/self/cgroup": "2:cpu:/\n4:memory:/jobs/7\n0::/\n",
  "/proc/self/mountinfo": [
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu",
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
  ].join("\n"),
};

describe("CPUs that may be used", () => {
  const rows: [what: string, tree: Tree, affinity: number, cpus: number][] = [
    ["are those of the affinity where nothing is known", {}, 3, 3],
    ["are at least one", {}, 0, 1],
    ["are those of the quota", { ...version2, "/sys/fs/cgroup/cpu.max": "400000 100000\n" }, 16, 4],
    ["are rounded up", { ...version2, "/sys/fs/cgroup/cpu.max": "150000 100000\n" }, 16, 2],
    ["are one with a fraction of a CPU", { ...version2, "/sys/fs/cgroup/cpu.max": "10000 100000\n" }, 16, 1],
    [
      "are those of the affinity if the quota is larger",
      { ...version2, "/sys/fs/cgroup/cpu.max": "400000 100000" },
      2,
      2,
    ],
    ["are those of the affinity without a quota", { ...version2, "/sys/fs/cgroup/cpu.max": "max 100000\n" }, 16, 16],
    [
      "are those of the tightest group above",
      {
        ...version2Nested,
        "/sys/fs/cgroup/kubepods.slice/cpu.max": "800000 100000",
        "/sys/fs/cgroup/kubepods.slice/pod1.slice/cpu.max": "300000 100000",
        "/sys/fs/cgroup/kubepods.slice/pod1.slice/run-7.scope/cpu.max": "max 100000",
      },
      16,
      3,
    ],
    [
      "are not bound by another group's quota",
      { ...version2Nested, "/sys/fs/cgroup/kubepods.slice/pod2.slice/cpu.max": "100000 100000" },
      16,
      16,
    ],
    [
      "are those of the version 1 quota",
      {
        ...version1,
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      },
      16,
      3,
    ],
    [
      "are those of the affinity with a version 1 quota of -1",
      {
        ...version1,
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      },
      16,
      16,
    ],
    [
      "are those of version 1 where both are mounted",
      { ...hybrid, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "10000" },
      16,
      5,
    ],
  ];
  test.each(rows)("%s", (_what, tree, affinity, cpus) => {
    expect(availableCpus(machine(tree, affinity))).toBe(cpus);
  });
});

describe("memory that may be used", () => {
  const rows: [what: string, tree: Tree, limit: number][] = [
    ["is the machine's where nothing is known", {}, 64 * gib],
    ["is the machine's without a limit", { ...version2, "/sys/fs/cgroup/memory.max": "max\n" }, 64 * gib],
    ["is the container's", { ...version2, "/sys/fs/cgroup/memory.max": "2147483648\n" }, 2 * gib],
    [
      "is that of the tightest group above",
      {
        ...version2Nested,
        "/sys/fs/cgroup/kubepods.slice/pod1.slice/memory.max": String(3 * gib),
        "/sys/fs/cgroup/kubepods.slice/pod1.slice/run-7.scope/memory.max": String(5 * gib),
      },
      3 * gib,
    ],
    ["is the version 1 limit", { ...version1, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n" }, gib],
    [
      "is the machine's where version 1 has its largest number for none",
      { ...version1, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n" },
      64 * gib,
    ],
    [
      "is that of a group above in version 1",
      { ...hybrid, "/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes": String(gib) },
      gib,
    ],
  ];
  test.each(rows)("%s", (_what, tree, limit) => {
    expect(memoryLimitBytes(machine(tree))).toBe(limit);
  });
});

test("on this machine both are what can be, read from its own files", () => {
  expect(availableCpus()).toBeGreaterThanOrEqual(1);
  expect(availableCpus()).toBeLessThanOrEqual(os.availableParallelism());
  expect(memoryLimitBytes()).toBeGreaterThan(0);
  expect(memoryLimitBytes()).toBeLessThanOrEqual(os.totalmem());
});
