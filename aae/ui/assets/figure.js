// Plotly figures that Python builds: drawn with Plotly.react, so that zoom and hidden classes survive updates,
// in the page's own colours; and, over a latent plane, a marker that follows z without asking Plotly to redraw.

import { aae } from "./state.js";

const CONFIG = {
  displaylogo: false,
  responsive: true,
  scrollZoom: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "sendDataToCloud"],
};

export async function mount({ element, props, watch }) {
  const plot = element.querySelector(".figure");
  const Plotly = window.Plotly; // a classic script, which the component's head has loaded by now
  let revision = 0;
  let drawn = Promise.resolve();

  let shown = null; // the last value that held a figure

  const update = () => {
    if (props.value?.points) return move(decodeFloats(props.value.points));
    if (props.value?.figure) shown = props.value;
    draw();
  };

  const draw = () => {
    if (!shown) return;
    const value = shown;
    const mine = ++revision; // a newer figure overtakes one that still waits
    drawn = drawn.then(async () => {
      if (mine !== revision) return;
      const figure = JSON.parse(value.figure);
      for (const trace of figure.data) {
        if (!hasWebGL()) trace.type = trace.type.replace("scattergl", "scatter");
        // Plotly would read packed arrays itself, but keeps the text; `move` and the tests want numbers.
        for (const key of ["x", "y"]) if (trace[key]?.dtype === "f4") trace[key] = decodeFloats(trace[key].bdata);
      }
      await Plotly.react(plot, figure.data, inPageColours(figure.layout, element), CONFIG);
      place();
    });
  };

  // New positions for the points of the figure that is drawn: float32 (n, 2), in the order of its traces.
  const move = (points) => {
    drawn = drawn.then(() => {
      const x = [], y = [], traces = [];
      let next = 0;
      (plot.data ?? []).forEach((trace, index) => {
        const count = trace.x.length;
        if (trace.name === "prior" || 2 * (next + count) > points.length) return;
        x.push(Float32Array.from({ length: count }, (_, i) => points[2 * (next + i)]));
        y.push(Float32Array.from({ length: count }, (_, i) => points[2 * (next + i) + 1]));
        traces.push(index);
        next += count;
      });
      return Plotly.restyle(plot, { x, y }, traces);
    });
  };

  // The marker: where z stands in every plot of the figure.
  const markers = [0, 1].map(() => {
    const marker = document.createElement("div");
    marker.className = "z-marker";
    marker.hidden = true;
    element.querySelector(".figure-frame").append(marker);
    return marker;
  });
  const place = () => {
    const axes = shown?.axes; // (2, latent_dim), or none where no marker is wanted
    const layout = plot._fullLayout;
    if (!axes || !layout) return markers.forEach((marker) => (marker.hidden = true));
    const [px, py] = axes.map((row) => row.reduce((sum, weight, i) => sum + weight * (aae.z[i] ?? 0), 0));
    [["xaxis", "yaxis"], ["xaxis2", "yaxis2"]].forEach(([xName, yName], i) => {
      const x = layout[xName], y = layout[yName];
      if (!x || !y) return;
      const left = x.l2p(px), top = y.l2p(py);
      markers[i].hidden = !(left >= 0 && left <= x._length && top >= 0 && top <= y._length);
      markers[i].style.transform = `translate(${x._offset + left}px, ${y._offset + top}px)`;
    });
    element.dataset.marker = `${px.toFixed(4)},${py.toFixed(4)}`;
  };
  aae.subscribe(place);

  watch("value", update);
  update();
  await drawn;
  plot.on?.("plotly_afterplot", place);
  plot.on?.("plotly_relayouting", place);
  new ResizeObserver(() => plot.offsetWidth && Plotly.Plots.resize(plot)).observe(element);
  new MutationObserver(draw).observe(document.body, { attributeFilter: ["class"] }); // dark mode came or went
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
  if (element.clientWidth < 560) stack(layout);
  return {
    ...layout,
    template: undefined,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: text, family: style.fontFamily, size: 12 },
  };
}

// On a phone the two plots stand one above the other.
function stack(layout) {
  const titles = (layout.annotations ?? []).filter((note) => note.yref === "paper");
  [["xaxis", "yaxis", [0.54, 1]], ["xaxis2", "yaxis2", [0, 0.46]]].forEach(([x, y, domain], i) => {
    if (!layout[x] || !layout[y]) return;
    layout[x] = { ...layout[x], domain: [0, 1], title: undefined };
    layout[y] = { ...layout[y], domain };
    if (titles[i]) Object.assign(titles[i], { x: 0.5, y: domain[1] });
  });
  layout.margin = { ...layout.margin, l: 40, r: 4 };
  layout.legend = { ...layout.legend, y: -0.06 };
}

function decodeFloats(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
