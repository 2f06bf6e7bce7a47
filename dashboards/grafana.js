/** From rows of panels to Grafana's dashboard model (schema 39, Grafana 11 and later). */

const datasource = { type: "prometheus", uid: "${datasource}" };
/** Grafana's grid is 24 wide: three panels beside each other. */
const [columns, width, height] = [3, 8, 7];

/** @returns the dashboard as Grafana imports and provisions it. */
export function toDashboard(rows) {
  const panels = [];
  let y = 0;
  for (const row of rows) {
    panels.push({ type: "row", title: row.title, collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 }, panels: [] });
    panels.push(...row.panels.map((panel, index) => toPanel(panel, index, y + 1)));
    y += 1 + Math.ceil(row.panels.length / columns) * height;
  }
  return {
    uid: "ortler",
    title: "Ortler",
    tags: ["ortler"],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1, // one crosshair over all panels
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: { list: variables() },
    panels: panels.map((panel, index) => ({ id: index + 1, ...panel })),
  };
}

function toPanel({ title, unit, description, queries }, index, top) {
  return {
    type: "timeseries",
    title,
    description,
    datasource,
    gridPos: { x: (index % columns) * width, y: top + Math.floor(index / columns) * height, w: width, h: height },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: { tooltip: { mode: "multi", sort: "desc" }, legend: { displayMode: "list", placement: "bottom" } },
    targets: queries.map(({ expr, legend }, query) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + query),
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}

function variables() {
  return [
    { name: "datasource", type: "datasource", label: "Data source", query: "prometheus" },
    labelVariable("namespace", "Namespace", "label_values(ortler_slots, namespace)"),
    labelVariable("pod", "Pod", 'label_values(ortler_slots{namespace=~"$namespace"}, pod)'),
  ];
}

function labelVariable(name, label, query) {
  const all = { includeAll: true, multi: true, allValue: ".*", current: { text: "All", value: "$__all" } };
  return { name, type: "query", label, datasource, query: { query, refId: name }, refresh: 2, sort: 1, ...all };
}
