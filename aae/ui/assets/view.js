// What a visitor has made of the plane's figure: how far it is zoomed in and which classes are hidden. Both outlive new figures,
// and stand in the page's address.

import { aae } from "./state.js";

const AXES = ["xaxis", "yaxis", "xaxis2", "yaxis2"];
const SAME = 0.005; // σ

export function plotView(plot, draw) {
  let home = null; // the ranges as Python has them: [left, right, bottom, top]
  let wanted = null; // by a link: {zoom, hidden}, until it is shown
  let hidden = { indices: [], classes: "" }; // by a link; what a visitor hides Plotly keeps itself

  const rangesOf = (layout) => ["xaxis", "yaxis"].flatMap((name) => layout?.[name]?.range ?? []);
  const classesOf = (data) => data.map((trace) => trace.meta ?? "").join();

  aae.plotView = () => {
    const ranges = rangesOf(plot._fullLayout), found = {};
    if (home && ranges.some((value, i) => Math.abs(value - home[i]) > SAME)) found.zoom = ranges;
    const off = (plot._fullData ?? []).flatMap((trace, i) => (trace.visible === "legendonly" ? [i] : []));
    if (off.length) found.hidden = off;
    return found;
  };
  aae.showPlotView = (view) => {
    wanted = view;
    draw();
  };

  return {
    prepare({ data, layout }) {
      home = rangesOf(layout);
      if (wanted?.hidden) hidden = { indices: wanted.hidden, classes: classesOf(data) };
      if (hidden.classes === classesOf(data)) for (const i of hidden.indices) if (data[i]) data[i].visible = "legendonly";
      for (const name of AXES) {
        const range = plot._fullLayout?.[name]?.range;
        if (range && layout[name]) layout[name].range = [...range];
      }
    },
    // A link's zoom comes after the first drawing: what is drawn then is what Plotly's "reset axes" goes back to.
    placed() {
      const zoom = wanted?.zoom;
      wanted = null;
      if (!zoom) return aae.plotViewChanged?.();
      const ranges = AXES.map((name) => [`${name}.range`, name.startsWith("x") ? zoom.slice(0, 2) : zoom.slice(2)]);
      window.Plotly.relayout(plot, Object.fromEntries(ranges));
    },
  };
}
