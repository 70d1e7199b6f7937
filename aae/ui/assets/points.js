// Points answer the pointer: a card with the image behind a code, its reconstruction, class and distance to z.

import { distance, loadCodes } from "./codes.js";
import { fromBase64, paint } from "./digit.js";
import { aae } from "./state.js";

const REACH = 7; // px around a point
const PAUSE = 80; // ms on a point before its image is asked for

export function pointCards(frame, plot, server) {
  const card = document.createElement("div");
  card.className = "point-card";
  card.hidden = true;
  card.innerHTML = // static: what varies is set as text below
    '<div><figure><canvas width="32" height="32"></canvas><figcaption>original</figcaption></figure>' +
    '<figure><canvas width="32" height="32"></canvas><figcaption>reconstruction</figcaption></figure></div><p></p>';
  frame.append(card);
  const [original, reconstruction] = card.querySelectorAll("canvas");
  const caption = card.querySelector("figcaption");
  const text = card.querySelector("p");

  let shown = {}; // the plane's value
  let codes = null;
  let current = null; // the place whose card is open
  let asking = null;

  // Another figure: fetch its codes, unless it is only another view of them.
  const use = async (value) => {
    const same = value.codes === shown.codes;
    shown = value;
    if (same) return;
    hide();
    codes = null;
    const loaded = value.codes ? await loadCodes(value.codes) : null;
    if (value.codes === shown.codes) codes = loaded;
  };

  // The encoded point at (left, top) px of the plot area of the encoded codes: {place, name} or null.
  const find = (left, top) => {
    const { xaxis, yaxis } = plot._fullLayout;
    let best = REACH ** 2, found = null;
    plot.data.forEach((trace, label) => {
      if (trace.name === "prior" || plot._fullData[label]?.visible !== true) return;
      for (let i = 0; i < trace.x.length; i++) {
        const away = (xaxis.l2p(trace.x[i]) - left) ** 2 + (yaxis.l2p(trace.y[i]) - top) ** 2;
        if (away < best) [best, found] = [away, { label, order: i, name: trace.meta }];
      }
    });
    const place = found && codes?.places[found.label]?.[found.order];
    return place === undefined || place === null ? null : { place, name: found.name };
  };

  const show = (point, left, top) => {
    const code = codes.at(point.place);
    text.textContent = `class ${point.name}, ${distance(code, aae.z).toFixed(2)} from z`;
    card.hidden = false;
    card.style.left = `${Math.max(0, Math.min(left + 14, frame.clientWidth - card.offsetWidth))}px`;
    card.style.top = `${Math.max(0, Math.min(top + 14, frame.clientHeight - card.offsetHeight))}px`;
    if (current === point.place) return;
    current = point.place;
    const pixels = aae.decode(code);
    if (pixels) paint(reconstruction, pixels);
    original.hidden = true;
    caption.textContent = shown.originals ? "original …" : "the original is not on this machine";
    clearTimeout(asking);
    if (shown.originals) asking = setTimeout(() => ask(point.place), PAUSE);
  };

  const ask = async (place) => {
    const packed = await server.held_out_image(shown.dataset, place);
    if (place !== current) return;
    original.hidden = !packed;
    caption.textContent = packed ? "original" : "the original is not on this machine";
    if (packed) paint(original, fromBase64(packed));
  };

  const hide = () => {
    if (card.hidden) return;
    card.hidden = true;
    current = null;
    clearTimeout(asking);
  };

  return { use, find, show, hide, codeAt: (place) => codes.at(place) };
}
