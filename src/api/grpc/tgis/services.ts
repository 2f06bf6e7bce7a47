import type { Service } from "../service.js";
import { generationService, type TgisOptions } from "./generation-service.js";

export type { TgisOptions };

/** The gRPC services of TGIS over one model; health and reflection are the server's own. */
export function tgisServices(options: TgisOptions): Service[] {
  return [generationService(options)];
}
