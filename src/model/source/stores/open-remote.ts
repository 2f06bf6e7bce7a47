/** Opens the store that a location names. What only one store needs is loaded only for that one. */
import type { Environment } from "../../../config/environment.js";
import type { RemoteLocation } from "../location/model-location.js";
import type { Secret } from "../location/secret.js";
import type { RemoteFolder } from "../remote-folder.js";
import { readAuthorityFile } from "./authority-file.js";
import { HttpClient } from "./http-client.js";

export interface RemoteOptions {
  readonly environment: Environment;
  /** Parts that are read at once: the pool of connections is made for them. */
  readonly connections: number;
  /** Bearer token for an `https://` folder. */
  readonly httpToken?: Secret | undefined;
}

/** docs/model-sources.md has this table, and a test holds the two together. The first that is set wins. */
export const authorityNames = [
  { name: "SSL_CERT_FILE", meaning: "A PEM file with the authorities to trust instead of the usual ones." },
  { name: "REQUESTS_CA_BUNDLE", meaning: "The same, as Python's libraries call it." },
] as const;

const silenceMs = 30_000;

/**
 * Nothing is asked of the store yet: that it exists, and lets us in, shows when it is listed.
 *
 * @throws {ConfigurationError} when the environment has a bad value, or names a CA bundle that cannot be read.
 */
export async function openRemote(location: RemoteLocation, options: RemoteOptions): Promise<RemoteFolder> {
  const { environment, connections, httpToken } = options;
  switch (location.kind) {
    case "s3": {
      const [{ openS3 }, { readS3Settings }] = await Promise.all([import("./s3.js"), import("./s3-settings.js")]);
      return openS3(location, readS3Settings(environment), connections);
    }
    case "huggingface": {
      const [{ openHuggingFace }, { readHuggingFaceSettings }] = await Promise.all([
        import("./huggingface.js"),
        import("./huggingface-settings.js"),
      ]);
      const settings = await readHuggingFaceSettings(environment);
      return openHuggingFace(location, settings, await createClient(environment, connections));
    }
    case "http": {
      const { openHttp } = await import("./http.js");
      return openHttp(location, await createClient(environment, connections), httpToken);
    }
  }
}

async function createClient(environment: Environment, connections: number): Promise<HttpClient> {
  const name = authorityNames
    .map((candidate) => candidate.name)
    .find((candidate) => (environment[candidate] ?? "") !== "");
  const ca = name === undefined ? undefined : await readAuthorityFile(environment[name] ?? "", name);
  return new HttpClient({ connections, silenceMs, ca });
}
