/**
 * Draws the plots of a load test's page, in the browser: bundled with uPlot into `dist/report-page.js`. The data is in
 * the page, as `bench/load/page/chart.ts` describes it.
 */
/* global document, getComputedStyle, matchMedia, ResizeObserver */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./style.css";

/** @typedef {import("../load/page/chart.js").Chart} Chart */

const height = 210;
const font = "12px system-ui, sans-serif";
/** Beside a line with few points, each of them is shown. */
const fewPoints = 12;

/** @type {readonly Chart[]} */
const charts = JSON.parse(document.getElementById("charts")?.textContent ?? "[]");
const places = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".chart"));

/** @param {string} name of a variable of the styles, which differ in light and dark. */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/**
 * @param {Chart} chart
 * @param {number} width in pixels.
 * @returns {uPlot.Options}
 */
function optionsOf({ xLabel, x, isLogarithmic, lines }, width) {
  const axis = {
    font,
    labelFont: font,
    stroke: color("muted"),
    grid: { stroke: color("grid"), width: 1 },
    ticks: { stroke: color("grid"), width: 1 },
  };
  return {
    width,
    height,
    scales: {
      x: { time: false, ...(isLogarithmic && { distr: 3, log: 2 }) },
      y: { range: (_, __, max) => [0, max > 0 ? 1.08 * max : 1] },
    },
    axes: [
      { ...axis, label: xLabel, size: 30, labelSize: 20, ...(isLogarithmic && { splits: () => [...x] }) },
      { ...axis, size: (_, values) => 16 + 7 * Math.max(3, ...(values ?? []).map((text) => text.length)) },
    ],
    series: [
      { label: xLabel },
      ...lines.map(({ label, color: index }) => ({
        label,
        stroke: color(`line-${index}`),
        width: 2,
        spanGaps: true,
        points: { show: x.length <= fewPoints, fill: color("surface") },
      })),
    ],
  };
}

/** @type {uPlot[]} */
let drawn = [];

function draw() {
  for (const plot of drawn) plot.destroy();
  drawn = charts.flatMap((chart, index) => {
    const place = places[index];
    const data = /** @type {uPlot.AlignedData} */ ([[...chart.x], ...chart.lines.map(({ values }) => [...values])]);
    return place === undefined ? [] : [new uPlot(optionsOf(chart, place.clientWidth), data, place)];
  });
}

draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new ResizeObserver(() => {
  for (const [index, plot] of drawn.entries()) plot.setSize({ width: places[index]?.clientWidth ?? 400, height });
}).observe(document.body);
