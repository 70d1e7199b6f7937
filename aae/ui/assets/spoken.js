// What is seen, in words: for screen readers, and for canvases, which have no words of their own.

import { chiCdf } from "./chi.js";
import { loadCodes } from "./codes.js";
import { project } from "./slice.js";
import { aae } from "./state.js";

const REST = 700; // ms: words for every frame would never end

export function mount({ element }) {
  const text = element.querySelector("p");
  let resting = null;
  let source = null, codes = null; // of held-out images

  const speak = async () => {
    const z = aae.z;
    if (!z.length) return;
    const url = aae.shown?.codes ?? null;
    if (url !== source) [source, codes] = [url, url ? await loadCodes(url) : null];
    const norm = Math.hypot(...z), D = aae.discriminate(z);
    const parts = [`Image decoded from z: |z| is ${norm.toFixed(2)}, larger than ${(100 * chiCdf(norm, z.length)).toFixed(0)} % of draws`];
    if (D !== null) parts.push(`D(z) is ${D.toFixed(2)}`);
    const near = codes?.latentDim === z.length ? codes.nearest(z, 1)[0] : null;
    if (near) {
      const label = codes.labels[near.place];
      parts.push(`the nearest held-out image is ${near.away.toFixed(2)} away, of class ${aae.shown?.class_names?.[label] ?? label}`);
    }
    const said = `${parts.join("; ")}.`;
    document.querySelector("#decoded")?.setAttribute("aria-label", said);
    const view = aae.axes?.[0].length === z.length ? project(aae.axes, z) : null;
    text.textContent = view ? `${said} In the plane z stands at ${view.map((value) => value.toFixed(1)).join(", ")}.` : said;
  };
  aae.subscribe(() => {
    clearTimeout(resting);
    resting = setTimeout(speak, REST);
  });
}

// The alternative of a Plotly figure: its description, its titles and axes, and what each trace has come to.
export function describe(element, plot) {
  const frame = element.querySelector(".figure-frame"), layout = plot._fullLayout;
  if (!frame || !layout) return;
  frame.dataset.description ??= frame.getAttribute("aria-label");
  const plain = (text) => text?.replace(/<[^>]*>/g, "") ?? "";
  const titles = (plot.layout.annotations ?? []).filter((note) => note.yref === "paper").map((note) => plain(note.text));
  const axes = ["xaxis", "yaxis"].map((name) => plain(plot.layout[name]?.title?.text)).filter(Boolean);
  const traces = plot.data.filter((trace) => trace.mode === "lines" && trace.y?.length && trace.name);
  const ends = traces.map((trace) => `${trace.name} now ${Number(trace.y.at(-1)).toPrecision(3)}`);
  const groups = plot.data.filter((trace) => trace.mode === "markers" && trace.showlegend !== false && trace.x?.length);
  const counts = groups.length ? [`points by class: ${groups.map((trace) => `${trace.name} ${trace.x.length}`).join(", ")}`] : [];
  const parts = [titles.join("; "), axes.length ? `axes: ${axes.join(", ")}` : "", ...ends, ...counts].filter(Boolean);
  frame.setAttribute("aria-label", [frame.dataset.description.replace(/\.$/, ""), ...parts].join(". "));
}
