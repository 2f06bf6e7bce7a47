/** Writes docs/settings.md from the table of settings: `npm run settings-page`. */
import { writeFileSync } from "node:fs";
import { URL } from "node:url";
import { renderSettingsPage } from "../dist-bench/src/config/settings-page.js";

writeFileSync(new URL("../docs/settings.md", import.meta.url), renderSettingsPage());
