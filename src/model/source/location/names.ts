/**
 * Every name that says where a model is, the first that is set wins. docs/model-sources.md has this table, and a test
 * holds the two together.
 */
export interface ModelName {
  /** As the operator writes it. */
  readonly name: string;
  /** Whose word it is. */
  readonly from: string;
  readonly meaning: string;
}

/** The environment's names, in their order; what they hold is read like the setting `model`. */
export const modelVariables = ["MODEL_NAME", "STORAGE_URI", "RUNTIME_LOCAL_MODELS_DIR"] as const;

type Variable = (typeof modelVariables)[number];

const ownNames: ModelName = {
  name: "--model, --model-name, ORTLER_MODEL, model",
  from: "Ortler",
  meaning: "The setting, with its own order of flag, environment and file.",
};

const variables: Readonly<Record<Variable, Omit<ModelName, "name">>> = {
  MODEL_NAME: {
    from: "TGIS",
    meaning: "A folder or a URI. If there is no such folder and it looks like owner/model: a model in the hub's cache.",
  },
  STORAGE_URI: {
    from: "KServe",
    meaning: "A URI. KServe rewrites it to /mnt/models on custom predictors: prefer --model there.",
  },
  RUNTIME_LOCAL_MODELS_DIR: {
    from: "Caikit",
    meaning: "A folder with one model in it, or the model's folder itself.",
  },
};

const mounted: ModelName = {
  name: "/mnt/models",
  from: "KServe",
  meaning: "Taken when nothing above is set and the folder has something in it.",
};

export const modelNames: readonly ModelName[] = [
  ownNames,
  ...modelVariables.map((name) => ({ name, ...variables[name] })),
  mounted,
];

/** The folder of the hub's cache: the first that is set. */
export const hubCacheVariables = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"] as const;
