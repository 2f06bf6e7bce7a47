/** A file's text; undefined when it cannot be read. */
export type ReadText = (path: string) => string | undefined;

/** Where Linux mounted a control group hierarchy. */
interface Mount {
  readonly version: 1 | 2;
  /** The part of the hierarchy that is mounted: `/`, or the container's own group. */
  readonly root: string;
  readonly mountPoint: string;
  /** Controllers, for version 1. */
  readonly options: readonly string[];
}

/**
 * The folders of the control groups that bound this process, innermost first: its own group and those above it, up to
 * the mount's root. A limit may be set on any of them, and the tightest counts.
 *
 * @param controller Of version 1, which has one hierarchy for each: `cpu`, `memory`. Version 2 has one for all.
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html and proc_pid_cgroup(5), proc_pid_mountinfo(5)
 */
export function controlGroups(controller: string, version: 1 | 2, readText: ReadText): string[] {
  const mount = parseMounts(readText("/proc/self/mountinfo") ?? "").find(
    (candidate) => candidate.version === version && (version === 2 || candidate.options.includes(controller)),
  );
  const path = ownPath(readText("/proc/self/cgroup") ?? "", controller, version);
  if (mount === undefined || path === undefined) return [];
  return upwardsFrom(belowRoot(path, mount.root)).map((below) => mount.mountPoint + below);
}

/** `36 32 0:33 /root /mount/point rw,relatime shared:9 - cgroup cgroup rw,cpu`: optional fields end with ` - `. */
function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line): Mount[] => {
    const [fields = "", tail = ""] = line.split(" - ");
    const [, , , root, mountPoint] = fields.split(" ");
    const [type, , options = ""] = tail.split(" ");
    if (root === undefined || mountPoint === undefined || (type !== "cgroup" && type !== "cgroup2")) return [];
    return [{ version: type === "cgroup2" ? 2 : 1, root, mountPoint, options: options.split(",") }];
  });
}

/** `4:cpu,cpuacct:/path` for version 1, `0::/path` for version 2. */
function ownPath(cgroup: string, controller: string, version: 1 | 2): string | undefined {
  for (const line of cgroup.split("\n")) {
    const [, controllers = "", path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const isOurs = version === 2 ? controllers === "" : controllers.split(",").includes(controller);
    if (isOurs && path !== undefined) return path;
  }
  return undefined;
}

/**
 * `path` relative to the mounted part. A path outside of it is the host's name for the container's group (no cgroup
 * namespace): what is mounted is then the group itself.
 */
function belowRoot(path: string, root: string): string {
  if (root === "/") return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : "";
}

/** `/a/b` -> `/a/b`, `/a`, `` */
function upwardsFrom(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return Array.from({ length: names.length + 1 }, (_, dropped) =>
    names
      .slice(0, names.length - dropped)
      .map((name) => `/${name}`)
      .join(""),
  );
}
