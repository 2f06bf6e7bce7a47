/** Makes two builds of the server to compare: of revisions, each in a working tree of its own, or as they are. */
import { execFile } from "node:child_process";
import { access, mkdtemp, readFile, realpath, rm, symlink } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../errors.js";

const run = promisify(execFile);

/** A built server; a working tree that was made for it goes when it is disposed of. */
export interface Build extends AsyncDisposable {
  /** As it was asked for, and its commit. */
  readonly name: string;
  /** Folder of the programs. */
  readonly programs: string;
}

/**
 * @param what a folder with the built programs, or a git revision.
 * @throws {UsageError} when it is neither, or the revision does not build.
 */
export async function openBuild(what: string): Promise<Build> {
  if (await exists(path.join(what, "cli.js"))) {
    return { name: what, programs: path.resolve(what), [Symbol.asyncDispose]: async () => Promise.resolve() };
  }
  const commit = await commitOf(what);
  const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), "ortler-compare-")));
  const remove = async (): Promise<void> => {
    await run("git", ["worktree", "remove", "--force", folder]);
    await rm(folder, { recursive: true, force: true });
  };
  await run("git", ["worktree", "add", "--detach", folder, commit]);
  try {
    await installPackages(folder);
    await run(process.execPath, [path.join("scripts", "build.js")], { cwd: folder });
  } catch (error) {
    await remove();
    throw new UsageError(`${what} does not build: ${String(error)}`);
  }
  const name = `${what} (${commit.slice(0, 7)})`;
  return { name, programs: path.join(folder, "dist"), [Symbol.asyncDispose]: remove };
}

async function commitOf(revision: string): Promise<string> {
  try {
    const { stdout } = await run("git", ["rev-parse", "--verify", "--end-of-options", `${revision}^{commit}`]);
    return stdout.trim();
  } catch {
    throw new UsageError(`${revision} is neither a folder with a built cli.js nor a git revision`);
  }
}

/** Ours where it wants the same packages; else its own, which takes a while. */
async function installPackages(folder: string): Promise<void> {
  const lock = "package-lock.json";
  const [own, wanted] = await Promise.all([readFile(lock, "utf8"), readFile(path.join(folder, lock), "utf8")]);
  if (own === wanted) await symlink(path.resolve("node_modules"), path.join(folder, "node_modules"));
  else await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder });
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
