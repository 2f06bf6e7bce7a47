import { text } from "./kinds.js";
import type { OptionTable, Values } from "./options.js";
import { engineSettings } from "./settings/engine.js";
import { limitsSettings } from "./settings/limits.js";
import { modelSettings } from "./settings/model.js";
import { securitySettings } from "./settings/security.js";
import { servingSettings } from "./settings/serving.js";
import { telemetrySettings } from "./settings/telemetry.js";

/**
 * Every setting once. Flags, environment, file keys, `--help`, docs/settings.md and the printout at start all
 * come from here. The aliases are the names that TGIS and Caikit have for the same thing, so that manifests
 * written for them start unchanged.
 */
export const settings = {
  ...modelSettings,
  ...servingSettings,
  ...limitsSettings,
  ...securitySettings,
  ...engineSettings,
  ...telemetrySettings,
  config: {
    kind: text("FILE"),
    default: "",
    defaultText: "none",
    group: "Settings",
    doc: "JSON file with settings under their file keys.",
  },
} as const satisfies OptionTable;

export type Settings = typeof settings;
/** What the server runs with: checked, complete and frozen. */
export type Config = Values<Settings>;
