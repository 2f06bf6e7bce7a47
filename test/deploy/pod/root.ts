/** The shell script that makes a container's file system out of this machine's and starts its program in it. */
import type { Mount } from "./mounts.js";

/** As OpenShift runs containers: a user that nobody knows, in group 0. */
export const user = 1_000_680_000;

export interface RootOptions {
  /** An empty folder of this machine, over which the root is mounted. */
  readonly root: string;
  /** The control group to enter, and where the container sees it. */
  readonly group: { readonly folder: string; readonly mountPoint: string };
  /** A file of this machine, in place of /etc/hosts. */
  readonly hosts: string;
  readonly mounts: readonly Mount[];
  /** A folder of this machine with the files of the mount at a path. */
  readonly filesAt: (path: string) => string;
  readonly isRootReadOnly: boolean;
  readonly mayGainPrivileges: boolean;
}

/** What the image has, of this machine: the C library, certificates, Node, and Ortler from the repository; no shell. */
const imageFolders = {
  "/usr/lib": "/usr/lib",
  "/usr/lib64": "/usr/lib64",
  "/etc/ssl": "/etc/ssl",
  [process.execPath]: "/usr/local/bin/node",
  dist: "/opt/ortler/dist",
  models: "/opt/ortler/models",
  node_modules: "/opt/ortler/node_modules",
  "package.json": "/opt/ortler/package.json",
} as const;

/** Its arguments are the program and the program's own. For root, in new namespaces for mounts and processes. */
export function enterScript(options: RootOptions): string {
  const { root, group, hosts, mounts, isRootReadOnly, mayGainPrivileges } = options;
  const image = Object.entries(imageFolders).map(([from, to]) => bind(from, to, true));
  const volumes = mounts.map((mount) => {
    if (mount.kind === "scratch") return `scratch ${quote(mount.path)}`;
    if (mount.kind === "folder") return bind(mount.folder, mount.path, mount.isReadOnly);
    return bind(options.filesAt(mount.path), mount.path, true);
  });
  return [
    "set -e",
    `root=${quote(root)}`,
    helpers,
    `echo 0 > ${quote(`${group.folder}/cgroup.procs`)}`, // 0 is whoever writes
    `mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs "$root"`,
    `cp -P /lib /lib64 "$root"`, // links into /usr
    ...image,
    bind(hosts, "/etc/hosts", true),
    bind(group.folder, group.mountPoint, true),
    `mkdir "$root/proc" "$root/dev" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev"`,
    ...volumes,
    ...(isRootReadOnly ? [`mount -o remount,ro "$root"`] : []),
    `exec setpriv ${mayGainPrivileges ? "" : "--no-new-privs"} chroot --userspec=${user}:0 --groups= "$root" "$@"`,
  ].join("\n");
}

/** `bind FROM TO [rw]` and `scratch TO` make their places in the root. */
const helpers = `
bind() {
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$(dirname "$root$2")" && touch "$root$2"; fi
  mount --bind "$1" "$root$2"
  [ "\${3-}" = rw ] || mount -o remount,bind,ro "$root$2"
}
scratch() { mkdir -p "$root$1" && mount -t tmpfs -o mode=1777 tmpfs "$root$1"; }`;

function bind(from: string, to: string, isReadOnly: boolean): string {
  return `bind ${quote(from)} ${quote(to)}${isReadOnly ? "" : " rw"}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
