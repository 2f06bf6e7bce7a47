/** Where the hub is and who asks, by the names of Hugging Face's libraries. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../../../config/environment.js";
import { ConfigurationError } from "../../../errors.js";
import { hubHome } from "../location/hub-cache.js";
import { Secret } from "../location/secret.js";

export interface HuggingFaceSettings {
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly token: Secret | undefined;
}

/** docs/model-sources.md has this table, and a test holds the two together. */
export const huggingFaceNames = [
  { name: "HF_ENDPOINT", meaning: "The hub, or a mirror of it: https://huggingface.co if not set." },
  { name: "HF_TOKEN", meaning: "Access token, for private and gated models. Never printed." },
  { name: "HUGGING_FACE_HUB_TOKEN", meaning: "The same, an older name." },
  { name: "HF_TOKEN_PATH", meaning: "A file with the token: $HF_HOME/token if not set." },
  { name: "HF_HOME", meaning: "Where the token's file and the cache are: ~/.cache/huggingface if not set." },
] as const;

/** @throws {ConfigurationError} when `HF_ENDPOINT` is no URL. */
export async function readHuggingFaceSettings(environment: Environment): Promise<HuggingFaceSettings> {
  return { endpoint: readEndpoint(environment), token: await readToken(environment) };
}

function readEndpoint({ HF_ENDPOINT: text }: Environment): string {
  if (text === undefined || text === "") return "https://huggingface.co";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") {
    throw new ConfigurationError("HF_ENDPOINT must be an http or https URL without a user and a query");
  }
  return url.href.replace(/\/+$/, "");
}

async function readToken(environment: Environment): Promise<Secret | undefined> {
  const { HF_TOKEN: token, HUGGING_FACE_HUB_TOKEN: older, HF_TOKEN_PATH: path } = environment;
  const file = path === undefined || path === "" ? join(hubHome(environment), "token") : path;
  const text = [token, older].find((value) => value !== undefined && value.trim() !== "");
  const found = (text ?? (await readFile(file, "utf8").catch(() => ""))).trim(); // no file, no token
  return found === "" ? undefined : new Secret(found);
}
