import { foreignSettings } from "../config/foreign.js";
import { loadOptions } from "../config/load.js";
import { describeSettings } from "../config/printout.js";
import { settings } from "../config/settings.js";
import { ConfigurationError } from "../errors.js";
import { stopRequested } from "../shutdown.js";
import { createLogger } from "../telemetry/log.js";
import type { Command } from "./command.js";

export const command: Command = {
  usage: "serve [options]",
  description: `Serves a model over the gRPC and HTTP APIs of Caikit, TGIS, OpenAI, Hugging Face TGI and Open Inference until
SIGTERM or SIGINT; then running requests may finish, and a second signal ends at once. When everything serves, standard
output gets one line:
{"event":"ready","model":"<id>","ports":{"grpc":<port>,"tgis":<port>,"http":<port>,"health":<port>},"ms":<milliseconds
since the process began>}
A model that was fetched, or one that --model-digest asks for, has its "digest" in there too.

The flags and variables of TGIS and Caikit are accepted: docs/settings.md lists them.`,
  table: settings,

  async run(args) {
    const stop = stopRequested();
    const loaded = loadOptions({ table: settings, args, foreignSettings });
    const [unexpected] = loaded.positionals;
    if (unexpected !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(unexpected)}`);
    const log = createLogger({ level: loaded.values.logLevel, format: loaded.values.logFormat });
    for (const { name, value, source } of describeSettings(settings, loaded)) {
      log.info("setting", { name, value, source });
    }
    for (const warning of loaded.warnings) log.warn(warning);
    const { serve } = await import("../main.js");
    return serve(loaded.values, log, stop);
  },
};
