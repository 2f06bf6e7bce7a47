import type { Target, TargetOptions } from "./target.js";

/** A new client of the server; only the code of its API is loaded. */
export async function connectTarget(options: TargetOptions): Promise<Target> {
  switch (options.api) {
    case "tgis":
      return (await import("./tgis.js")).connectTgis(options);
    case "caikit":
      return (await import("./caikit.js")).connectCaikit(options);
    case "openai":
      return (await import("./openai.js")).connectOpenAi(options);
    case "tgi":
      return (await import("./tgi.js")).connectTgi(options);
  }
}
