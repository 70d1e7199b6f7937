// Plotly figures that Python builds: drawn with Plotly.react, so that zoom and hidden classes survive updates,
// in the page's own colours.

import { describe } from "./spoken.js";

const CONFIG = {
  displaylogo: false,
  responsive: true,
  scrollZoom: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "sendDataToCloud"],
};

// Draw `props.value` and keep drawing it. `prepare(figure)` may change what Plotly gets;
// `placed(value)` is called whenever its axes may stand elsewhere than before.
export function mount({ element, props, watch }, { prepare = () => {}, placed = () => {}, buttons = [] } = {}) {
  const plot = element.querySelector(".figure");
  const Plotly = window.Plotly; // a classic script, which the component's head has loaded by now
  let shown = null; // the last value that held a figure
  let points = null; // where its points have moved since
  let revision = 0;
  let narrow = null; // how it is laid out; null until it is drawn
  let behind = false; // something came while it could not be drawn
  let queue = Promise.resolve(); // Plotly's calls, one after the other
  const inTurn = (call) => (queue = queue.then(call).catch((error) => console.error(error)));

  const update = () => {
    if (props.value?.points) {
      points = decodeFloats(props.value.points);
      return inTurn(move);
    }
    if (props.value?.figure) [shown, points] = [props.value, null];
    return draw();
  };

  const draw = () => {
    const mine = ++revision; // a newer figure overtakes one that still waits
    return inTurn(async () => {
      if (mine !== revision || !shown) return;
      behind = !element.clientWidth; // a hidden tab is drawn when it is shown
      if (behind) return;
      const figure = JSON.parse(shown.figure);
      for (const trace of figure.data) {
        if (!hasWebGL()) trace.type = trace.type.replace("scattergl", "scatter");
        // Plotly would read packed arrays itself, but keeps the text; `move` and the tests want numbers.
        for (const key of ["x", "y"]) if (trace[key]?.dtype === "f4") trace[key] = decodeFloats(trace[key].bdata);
      }
      prepare(figure);
      const first = narrow === null;
      narrow = isNarrow(element);
      await Plotly.react(plot, figure.data, inPageColours(figure.layout, element), { ...CONFIG, modeBarButtonsToAdd: buttons });
      if (first) for (const event of ["plotly_afterplot", "plotly_relayouting"]) plot.on(event, () => placed(shown));
      await move();
      describe(element, plot);
      placed(shown);
    });
  };

  // Put the points of the drawn figure where `points` says: float32 (n, 2), in the order of its traces.
  const move = () => {
    const x = [], y = [], traces = [];
    let next = 0;
    (plot.data ?? []).forEach((trace, index) => {
      const count = trace.x.length;
      if (!points || trace.name === "prior" || 2 * (next + count) > points.length) return;
      x.push(Float32Array.from({ length: count }, (_, i) => points[2 * (next + i)]));
      y.push(Float32Array.from({ length: count }, (_, i) => points[2 * (next + i) + 1]));
      traces.push(index);
      next += count;
    });
    behind = !element.clientWidth;
    return traces.length && !behind ? Plotly.restyle(plot, { x, y }, traces) : undefined;
  };

  watch("value", update);
  update();
  new ResizeObserver(() => {
    if (!element.clientWidth) return;
    if (behind || narrow !== isNarrow(element)) draw();
    else Plotly.Plots.resize(plot);
  }).observe(element);
  new MutationObserver(draw).observe(document.body, { attributeFilter: ["class"] }); // dark mode came or went
  return { plot, draw };
}

let webGL;
function hasWebGL() {
  webGL ??= Boolean(document.createElement("canvas").getContext("webgl"));
  return webGL;
}

function inPageColours(layout, element) {
  const style = getComputedStyle(element);
  const text = style.getPropertyValue("--body-text-color").trim() || "#333";
  const grid = style.getPropertyValue("--border-color-primary").trim() || "#ddd";
  const axis = { gridcolor: grid, linecolor: grid, zerolinecolor: grid };
  for (const name of Object.keys(layout)) if (/^[xy]axis/.test(name)) layout[name] = { ...layout[name], ...axis };
  if (isNarrow(element)) stack(layout);
  return {
    ...layout,
    template: undefined,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: grid, activecolor: text },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: text, family: style.fontFamily, size: 12 },
  };
}

const isNarrow = (element) => element.clientWidth < 560;

// On a phone the two plots stand one above the other.
function stack(layout) {
  const titles = (layout.annotations ?? []).filter((note) => note.yref === "paper");
  [["xaxis", "yaxis", [0.54, 1]], ["xaxis2", "yaxis2", [0, 0.46]]].forEach(([x, y, domain], i) => {
    if (!layout[x] || !layout[y]) return;
    layout[x] = { ...layout[x], domain: [0, 1], title: undefined };
    layout[y] = { ...layout[y], domain };
    if (titles[i]) Object.assign(titles[i], { x: 0, xanchor: "left", y: domain[1] });
  });
  layout.margin = { ...layout.margin, l: 40, r: 4 };
}

function decodeFloats(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
