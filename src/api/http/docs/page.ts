/**
 * The page for people: Swagger UI over the document, with nothing from elsewhere. Addresses are relative, so that a
 * proxy may put the server below a path of its own; `/docs` without a slash at the end is where they count from.
 */

/** Only what this server serves; Swagger UI sets styles on its elements and has its icons in the style sheet. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Ortler: HTTP APIs</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <script src="docs/swagger-ui-bundle.js" defer></script>
    <script src="docs/initializer.js" defer></script>
  </head>
  <body>
    <main id="page"></main>
    <noscript>This page needs JavaScript; <a href="openapi.json">the document</a> does not.</noscript>
  </body>
</html>
`;

/** A script of its own, since the policy takes none in the page. The title in the document is there for Caikit's clients. */
export const initializer = `const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

const titled = (spec) => ({ ...spec, info: { ...spec.info, title: document.title } });

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
  plugins: [{ statePlugins: { spec: { wrapActions: { updateJsonSpec: (update) => (spec) => update(titled(spec)) } } } }],
});
`;
