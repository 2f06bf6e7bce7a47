/**
 * Writes the Grafana dashboard, for import and for the chart, or prints it: `node dashboards/generate.js [--print]`.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { URL } from "node:url";
import { format } from "prettier";
import { toDashboard } from "./grafana.js";
import { rows } from "./source.js";

const text = await format(JSON.stringify(toDashboard(rows)), { parser: "json", printWidth: 120 });
if (process.argv.includes("--print")) {
  process.stdout.write(text);
} else {
  for (const path of ["ortler.json", "../charts/ortler/files/dashboard.json"]) {
    writeFileSync(new URL(path, import.meta.url), text);
  }
}
