/** Installs peers on demand, each part of theirs once. What cannot be had is left out with its reason. */
import { execFile } from "node:child_process";
import { access, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { PeerError } from "./peer-process.js";

/** A thing to install, once for all peers that need it: `requirements/PART.txt`, or package.json. */
export type Part = "node" | "llama-cpp" | "torch" | "pytorch" | "ctranslate2" | "onnxruntime-genai" | "onnx-export";

/** Parts that a part stands on. */
const needs: Readonly<Record<Part, readonly Part[]>> = {
  node: [],
  "llama-cpp": [],
  torch: [],
  pytorch: ["torch"],
  ctranslate2: ["pytorch"],
  "onnxruntime-genai": [],
  "onnx-export": ["pytorch"],
};

const workspace = path.join("bench", "peers", "workspace");
const run = promisify(execFile);

/** A Python environment in the folder: that of the peers, or optimum's. */
export type Environment = "venv" | "export";

/** A folder with a copy of `workspace/`, npm's packages beside it, Python environments and converted models. */
export class PeerFolder {
  readonly folder: string;
  readonly #installed = new Map<Part, Promise<void>>();

  /** @param mayInstall false: only what is there already counts. */
  constructor(
    folder: string,
    private readonly mayInstall: boolean,
    private readonly progress: (text: string) => void,
  ) {
    this.folder = path.resolve(folder);
  }

  /** Brings the programs up to date. */
  async prepare(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await cp(workspace, this.folder, { recursive: true });
  }

  program(file: string): string {
    return path.join(this.folder, "programs", file);
  }

  python(environment: Environment = "venv"): string {
    return path.join(this.folder, environment, "bin", "python");
  }

  /** @throws {PeerError} when it is not there and cannot be had. */
  async require(part: Part): Promise<void> {
    let installed = this.#installed.get(part);
    if (installed === undefined) {
      installed = this.#install(part);
      this.#installed.set(part, installed);
    }
    return installed;
  }

  async #install(part: Part): Promise<void> {
    for (const needed of needs[part]) await this.require(needed);
    const wanted = await this.#wanted(part);
    const marker = path.join(this.folder, `${part}.installed`);
    if ((await readFile(marker, "utf8").catch(() => "")) === wanted) return;
    if (!this.mayInstall) throw new PeerError(`${part} is not installed`);
    this.progress(`installing ${part}`);
    try {
      await installers[part](this);
    } catch (error) {
      throw new PeerError(`${part} could not be installed: ${lastLine(error)}`);
    }
    await writeFile(marker, wanted);
  }

  /** What the part's files ask for: installed again when it changes. */
  async #wanted(part: Part): Promise<string> {
    const file = part === "node" ? "package.json" : path.join("requirements", `${part}.txt`);
    return readFile(path.join(this.folder, file), "utf8");
  }

  /** Makes the environment where there is none. */
  async pip(environment: Environment, ...args: string[]): Promise<void> {
    const python = this.python(environment);
    const exists = await access(python).then(
      () => true,
      () => false,
    );
    if (!exists) await run("python3", ["-m", "venv", path.join(this.folder, environment)]);
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...args], {
      cwd: path.join(this.folder, "requirements"),
      env: { ...process.env, CMAKE_ARGS: compilerFlags },
      maxBuffer: 64 * 2 ** 20,
    });
  }
}

/** llama.cpp is built for this processor; its AMX kernels end the process at the first quantised product, though. */
const compilerFlags = process.arch === "x64" ? "-DCMAKE_C_FLAGS=-mno-amx-int8 -DCMAKE_CXX_FLAGS=-mno-amx-int8" : "";

const installers: Readonly<Record<Part, (peers: PeerFolder) => Promise<void>>> = {
  node: async ({ folder }) => {
    // Their binaries are in packages of their own: no package has to run a script.
    await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
  },
  "llama-cpp": async (peers) => peers.pip("venv", "--no-cache-dir", "-r", "llama-cpp.txt"),
  torch: async (peers) => {
    await peers.pip("venv", "--no-deps", "-r", "torch.txt");
    await peers.pip("venv", "-r", "pytorch.txt");
    if (!(await importsTorch(peers))) await peers.pip("venv", "-r", "torch-cuda.txt");
  },
  pytorch: async (peers) => peers.pip("venv", "-r", "pytorch.txt"),
  ctranslate2: async (peers) => peers.pip("venv", "-r", "ctranslate2.txt"),
  "onnxruntime-genai": async (peers) => peers.pip("venv", "-r", "onnxruntime-genai.txt"),
  "onnx-export": async (peers) => {
    await peers.pip("export", "-r", "onnx-export.txt");
    const { stdout } = await run(peers.python("venv"), [
      "-c",
      "import sysconfig; print(sysconfig.get_path('purelib'))",
    ]);
    const own = path.relative(path.join(peers.folder, "venv"), stdout.trim());
    await writeFile(path.join(peers.folder, "export", own, "torch.pth"), stdout); // behind its own packages
  },
};

async function importsTorch(peers: PeerFolder): Promise<boolean> {
  return run(peers.python(), ["-c", "import torch"]).then(
    () => true,
    () => false,
  );
}

/** Of what a failed command said, else of the error. */
function lastLine(error: unknown): string {
  const { stderr } = error as { readonly stderr?: unknown };
  const text = typeof stderr === "string" && stderr.trim() !== "" ? stderr : String(error);
  return text.trim().split("\n").at(-1) ?? "";
}
