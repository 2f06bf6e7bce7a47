import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const types = { "swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8" };

/** The files of Swagger UI that the page is made of: these and no others, by name. */
export type SwaggerUiFile = keyof typeof types;
export const swaggerUiFiles = Object.keys(types) as readonly SwaggerUiFile[];

export interface Asset {
  readonly type: string;
  readonly content: Buffer;
}

/** @throws {Error} when `swagger-ui-dist` is not installed. */
export async function readSwaggerUi(file: SwaggerUiFile): Promise<Asset> {
  const path = createRequire(import.meta.url).resolve(`swagger-ui-dist/${file}`);
  return { type: types[file], content: await readFile(path) };
}
