/** esbuild puts them into `dist/report-page.css`. */
declare module "*.css";
