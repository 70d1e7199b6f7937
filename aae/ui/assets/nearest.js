// The encoded images nearest to z.

import { loadCodes } from "./codes.js";
import { newestOnly } from "./decoding.js";
import { fromBase64, paint } from "./digit.js";
import { presence } from "./presence.js";
import { aae } from "./state.js";
import { packed } from "./walks.js";

const COUNT = 10;
const REST = 150; // ms without a move before the images themselves are asked for

export function mount({ element, server }) {
  const list = element.querySelector("ol");
  const note = element.querySelector(".said");
  const items = Array.from({ length: COUNT }, () => item(list));
  let shown = null; // what the plane draws, and its codes
  let codes = null;
  let ranking = []; // [{place, away}], nearest first
  let originals = new Map(); // place -> pixels, of those that have come
  let resting = null;

  const decode = newestOnly((job, _, greys) => {
    if (job.shown !== shown) return;
    job.places.forEach((place, rank) => {
      if (ranking[rank]?.place !== place || originals.has(place)) return;
      paint(items[rank].canvas, Float32Array.from(greys.subarray(1024 * rank, 1024 * (rank + 1)), (grey) => grey / 127.5 - 1));
    });
  });

  const update = (z) => {
    if (!here.seen || !aae.shown) return;
    if (aae.shown !== shown) return void use(aae.shown);
    ranking = codes?.latentDim === z.length ? codes.nearest(z, COUNT) : [];
    list.hidden = !ranking.length;
    if (!ranking.length) return void (note.textContent = codes?.count === 0 ? "This model carries no codes of images." : "");
    note.textContent = shown.originals
      ? "Held-out images whose codes lie nearest; while z moves, their reconstructions."
      : "Reconstructions of the held-out images whose codes lie nearest; the images themselves are not on this machine.";
    items.forEach((item, rank) => {
      const { place, away } = ranking[rank] ?? {};
      item.button.hidden = place === undefined;
      if (item.button.hidden) return;
      const name = shown.class_names[codes.labels[place]] ?? codes.labels[place];
      item.text.textContent = `${name} · ${away.toFixed(2)}`;
      item.button.setAttribute("aria-label", `Class ${name}, ${away.toFixed(2)} from z: give z its code`);
      item.button.dataset.place = place;
      if (originals.has(place)) paint(item.canvas, originals.get(place));
    });
    const places = ranking.map(({ place }) => place);
    if (aae.url && !places.every((place) => originals.has(place))) {
      decode({ codes: packed(places.map((place) => codes.at(place))), url: aae.url, places, shown });
    }
    clearTimeout(resting);
    if (shown.originals) resting = setTimeout(ask, REST);
  };

  const use = async (value) => {
    const same = shown && value.codes === shown.codes; // only another view of them
    shown = value;
    if (!same) {
      originals = new Map();
      codes = null;
      const loaded = await loadCodes(value.codes);
      if (value !== shown) return;
      codes = loaded;
    }
    update(aae.z);
  };

  const ask = async () => {
    const value = shown;
    const missing = ranking.map(({ place }) => place).filter((place) => !originals.has(place));
    if (!missing.length) return;
    const images = await server.held_out_images(value.dataset, missing);
    if (!images || value.codes !== shown.codes) return;
    images.forEach((image, i) => image && originals.set(missing[i], fromBase64(image)));
    ranking.forEach(({ place }, rank) => originals.has(place) && paint(items[rank].canvas, originals.get(place)));
  };

  for (const { button } of items) {
    button.addEventListener("click", () => {
      aae.forgetOriginal();
      aae.move(codes.at(Number(button.dataset.place))); // all of its code
    });
  }
  const here = presence(element, () => update(aae.z), aae.subscribe(update));
}

function item(list) {
  const button = document.createElement("button");
  button.type = "button";
  const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 32 });
  const text = document.createElement("span");
  button.append(canvas, text);
  const entry = document.createElement("li");
  entry.append(button);
  list.append(entry);
  return { button, canvas, text };
}
