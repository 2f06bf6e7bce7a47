import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Layers, lowest first: a folder may import from itself, from the leaves, and from those before it. */
const layers = ["ort", "model", "engine", "api"];
/** What puts the layers together. */
const top = ["assemble", "servers", "shipped-model", "version", "main", "shutdown", "commands", "cli"];
const upward = (layer) => [...layers.slice(layers.indexOf(layer) + 1), ...top];

/** Leaves are imported by everyone and import nothing of ours outside their own folder. */
const leaves = ["config", "telemetry"];

const forbid = (files, names) => ({
  files,
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          {
            regex: `^(\\.\\./)+(${names.join("|")})(/|\\.js$)`,
            message: "Imports go down: main, cli -> api -> engine -> model -> ort (ARCHITECTURE.md).",
          },
        ],
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ["dist", "dist-bench", "node_modules", ".cache", "**/generated/**", "coverage"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "no-restricted-properties": [
        "error",
        {
          object: "process",
          property: "env",
          message: "Settings come from src/config; nobody else reads the environment.",
        },
      ],
    },
  },
  ...layers.map((layer) => forbid([`src/${layer}/**/*.ts`], upward(layer))),
  ...leaves.map((leaf) => forbid([`src/${leaf}/**/*.ts`], [...layers, ...top, ...leaves.filter((l) => l !== leaf)])),
  { files: ["test/**", "bench/**"], rules: { "no-restricted-properties": "off" } },
  { files: ["**/*.js"], extends: [tseslint.configs.disableTypeChecked] },
);
