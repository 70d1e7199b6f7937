// Plotly figures that Python builds: drawn with Plotly.react, so that zoom and hidden classes survive updates,
// in the page's own colours.

import { decodeFloats, figures } from "./figures.js";
import { loadPlotly } from "./load-plotly.js";
import { describe } from "./spoken.js";
import { arrange } from "./tiles.js";

const CONFIG = {
  displaylogo: false,
  responsive: true,
  scrollZoom: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "sendChartToCloud"],
  plotlyServerURL: "", // nothing is to leave this page
  plotGlPixelRatio: window.devicePixelRatio || 1, // Plotly's two means four times the pixels to blend under all that moves
};

// Draw `props.value` and keep drawing it. `prepare(figure)` may change what Plotly gets;
// `placed(value)` is called whenever its axes may stand elsewhere than before.
export function mount({ element, props, watch }, { prepare = () => {}, placed = () => {}, buttons = [] } = {}) {
  const plot = element.querySelector(".figure");
  let Plotly = null; // until it has arrived, which the first of its calls waits for
  let shown = null; // the last value that held a figure
  let points = null; // where its points have moved since: float32 (n, 2), in the order of its traces
  let rows = null; // what its curves have become since: float32 (rows, 1 + traces), x and then a column for each trace
  let revision = 0;
  let narrow = null; // how it is laid out; null until it is drawn
  let behind = false; // something came while it could not be drawn
  let queue = loadPlotly().then((loaded) => (Plotly = loaded)); // Plotly's calls, one after the other
  const inTurn = (call) => (queue = queue.then(call).catch((error) => console.error(error)));

  const update = () => {
    const value = props.value;
    if (value?.points) {
      if (!shown || value.codes !== shown.codes) return undefined; // points of another figure than the one that is drawn
      points = decodeFloats(value.points);
      shown = { ...shown, ...value, titles: value.titles ?? shown.titles };
      return inTurn(move);
    }
    if (value?.figure === null) return inTurn(clear);
    if (value?.figure) [shown, points, rows] = [value, null, null];
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
      for (const { trace, x, y } of moved(figure.data)) Object.assign(trace, { x, y });
      for (const [axis, text] of Object.entries(shown.titles ?? {})) figure.layout[axis].title = { text };
      prepare(figure);
      const first = narrow === null;
      narrow = isNarrow(element);
      if (narrow) for (const trace of figure.data) delete trace.texttemplate; // numbers need wider cells
      if (figure.layout.meta?.tiles) arrange(figure.layout, plot, narrow);
      await Plotly.react(plot, figure.data, inPageColours(withRoom(figure, element), element), { ...CONFIG, modeBarButtonsToAdd: buttons });
      if (first) for (const event of ["plotly_afterplot", "plotly_relayouting"]) plot.on(event, () => placed(shown));
      if (first) plot.on("plotly_afterplot", () => describe(element, plot));
      if (rows) await redrawCurves();
      if (shown.description) plot.parentElement.setAttribute("aria-label", shown.description);
      else describe(element, plot);
      placed(shown);
    });
  };

  const clear = () => {
    [shown, points, rows, narrow] = [null, null, null, null];
    Plotly.purge(plot);
  };

  // Where `points` has the points of some traces: float32 (n, 2), in the traces' order. A copy that is laid over others stands
  // where its original does.
  const moved = (data) => {
    let next = 0, last = 0;
    if (!points) return [];
    return data.flatMap((trace, index) => {
      const count = trace.x.length;
      if (!trace.overlaid) [last, next] = [next, next + count];
      if (2 * (last + count) > points.length) return [];
      const along = (k) => Float32Array.from({ length: count }, (_, i) => points[2 * (last + i) + k]);
      return [{ trace, index, x: along(0), y: along(1) }];
    });
  };

  // Put the points of the drawn figure there, with what the axes are called.
  const move = async () => {
    if (rows) return redrawCurves();
    behind = !element.clientWidth;
    const now = behind || !plot.data ? [] : moved(plot.data);
    if (!now.length) return undefined;
    const titles = Object.entries(shown.titles ?? {}).filter(([axis]) => plot.layout[axis]?.title);
    await Plotly.update(
      plot,
      { x: now.map(({ x }) => x), y: now.map(({ y }) => y) },
      Object.fromEntries(titles.map(([axis, text]) => [`${axis}.title.text`, text])),
      now.map(({ index }) => index),
    );
    placed(shown);
  };

  const redrawCurves = () => {
    const width = 1 + (plot.data ?? []).length;
    behind = !element.clientWidth;
    if (behind || width === 1 || rows.length % width) return undefined;
    const column = (c) => Float32Array.from({ length: rows.length / width }, (_, i) => rows[i * width + c]);
    const y = plot.data.map((_, i) => column(i + 1));
    return Plotly.restyle(plot, { x: y.map(() => column(0)), y });
  };

  // Where drawing is slower than what comes, the latest is drawn, and the page has as long to itself as a drawing takes.
  let moves = false;
  const moveSoon = () => {
    if (moves) return;
    moves = true;
    inTurn(async () => {
      const started = performance.now();
      moves = false;
      await move();
      await new Promise((done) => setTimeout(done, Math.min(performance.now() - started, 500)));
    });
  };
  figures.set(plot, {
    points: (floats) => ((points = floats), moveSoon()),
    rows: (floats) => ((rows = floats), moveSoon()),
  });
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
  // What is written among the points stands on the page's own colour, and rings in the colour of text.
  const page = style.getPropertyValue("--body-background-fill").trim() || "#fff";
  for (const note of layout.annotations ?? []) if (/^y\d*$/.test(note.yref)) Object.assign(note, { bgcolor: page, opacity: 0.8, borderpad: 0 });
  for (const shape of layout.shapes ?? []) if (shape.type === "circle") shape.line = { ...shape.line, color: text };
  if (isNarrow(element) && layout.xaxis2 && !layout.meta?.tiles) stack(layout); // two plots
  return {
    ...layout,
    template: undefined,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: grid, activecolor: text },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: text, family: style.fontFamily, size: 12 },
  };
}

// The legend stands below the plots, in as many rows as its names need: they get that room.
const ROW = 20, LETTER = 7.5, MARK = 44; // px: a row, a letter, what stands before a name

function withRoom({ data, layout }, element) {
  if (layout.legend?.orientation !== "h" || layout.showlegend === false) return layout;
  const narrow = isNarrow(element), title = narrow ? undefined : layout.legend.title;
  const lengths = data.filter((trace) => trace.name && trace.showlegend !== false).map((trace) => (trace.meta ?? trace.name).length);
  const width = element.clientWidth - (layout.margin?.l ?? 0) - LETTER * (title?.text?.length ?? 0);
  const columns = Math.max(1, Math.floor(width / (MARK + LETTER * Math.max(...lengths, 1))));
  const bottom = (narrow ? 34 : 52) + ROW * Math.ceil(lengths.length / columns);
  const margin = { ...layout.margin, b: Math.max(layout.margin?.b ?? 0, bottom) };
  return { ...layout, margin, legend: { ...layout.legend, title } };
}

const isNarrow = (element) => element.clientWidth < 560;

// On a phone the plots stand one above the other.
function stack(layout) {
  const titles = (layout.annotations ?? []).filter((note) => note.yref === "paper");
  const numbers = Object.keys(layout).filter((name) => /^xaxis/.test(name)).map((name) => name.slice(5)).sort();
  const gap = 0.12; // for the tick labels above and the title below
  const height = (1 - gap * (numbers.length - 1)) / numbers.length;
  numbers.forEach((number, i) => {
    const [x, y] = [`xaxis${number}`, `yaxis${number}`];
    const top = 1 - i * (height + gap);
    layout[x] = { ...layout[x], domain: [0, 1], title: undefined };
    layout[y] = { ...layout[y], domain: [top - height, top] };
    if (titles[i]) Object.assign(titles[i], { x: 0, xanchor: "left", y: top });
  });
  layout.margin = { ...layout.margin, t: 60, l: 40, r: 4 }; // the modebar stands above the first title
}
