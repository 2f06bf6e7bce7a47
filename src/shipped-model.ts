import { fileURLToPath } from "node:url";

/** The model that is meant when none is named: a folder of this package. */
export const shippedModelFolder = fileURLToPath(new URL("../models/tiny", import.meta.url));
