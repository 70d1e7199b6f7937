// From A to B: two codes (and C) that z is kept in, the way between them, and what sets them apart.

import { Board, bar } from "./board.js";
import { paint } from "./digit.js";
import { presence } from "./presence.js";
import { aae } from "./state.js";
import { arithmetic, linear, normal, packed, spherical } from "./walks.js";

const STOPS = 11; // tiles of the strip
const SWEEP = 4000, STEP = 1000; // ms from A to B; ms a tile where motion is to be reduced
const WAYS = { linear, spherical };

export function mount({ element }) {
  const query = (selector) => element.querySelector(selector);
  const slider = query("input[type=range]"), output = query("output"), playing = query(".play");
  const ends = { A: null, B: null, C: null };
  let model = ""; // whose codes they are
  let placed = null; // where this walk has last put z
  let frame = null; // of the animation
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const way = () => WAYS[query("input[type=radio]:checked").value];
  const at = (t) => way()(ends.A, ends.B, t);
  const stops = (count) => Array.from({ length: count }, (_, i) => i / (count - 1));
  const board = new Board(query(".board"), {
    pick: (column) => go(column / (STOPS - 1)),
    slide: (x) => go(Math.min(Math.max((x - 0.5) / (STOPS - 1), 0), 1)),
    describe: (column) => `t = ${(column / (STOPS - 1)).toFixed(1)}`,
  });

  const put = (z) => {
    aae.forgetOriginal();
    aae.move(z);
    placed = aae.z;
  };
  const go = (t) => {
    slider.value = t;
    tell();
    put(at(t));
  };
  const tell = () => {
    output.textContent = `t = ${Number(slider.value).toFixed(2)}`;
    board.mark((context, across, down) => bar(context, (Number(slider.value) * (STOPS - 1) + 0.5) * across, 0, down));
  };

  aae.wayFromAToB = (count) => (ends.A && model === aae.url ? stops(count).map(at) : null);

  // A, B or the way between them are new.
  const draw = () => {
    if (!here.selected || !ends.A) return aae.showPath?.(null);
    aae.showPath?.({ codes: stops(65).map(at), ends: { A: ends.A, B: ends.B } });
    board.resize(STOPS, 1);
    board.show(packed(stops(STOPS).map(at)));
    for (const [name, code] of Object.entries(ends)) {
      const pixels = aae.decode(code);
      if (pixels) paint(query(`[data-go=${name}] canvas`), pixels);
    }
    tell();
  };
  const set = (name, z) => {
    ends[name] = [...z];
    draw();
  };

  // Another model: its A is where z is, its B and C are draws of the prior.
  const update = (z) => {
    if (!here.selected || !aae.url || !z.length || z.length !== aae.latentDim || !aae.decode(z)) return;
    if (model === aae.url) return;
    model = aae.url;
    stop();
    for (const name of ["B", "C"]) ends[name] = z.map(normal);
    set("A", z);
  };

  const play = () => {
    const from = Number(slider.value), began = performance.now();
    let stopAt = -1;
    const tick = (now) => {
      const elsewhere = placed.length !== aae.z.length || placed.some((value, i) => Math.abs(value - aae.z[i]) > 1e-6);
      if (!here.selected || elsewhere) return stop(); // nobody looks, or something else has moved z
      frame = requestAnimationFrame(tick);
      const passed = now - began;
      const step = calm.matches ? Math.floor(passed / STEP) / (STOPS - 1) : passed / SWEEP;
      if (step === stopAt) return;
      stopAt = step;
      const there = (from + Math.max(step, 0)) % 2; // there and back again
      go(there > 1 ? 2 - there : there);
    };
    go(from);
    playing.textContent = "Stop";
    frame = requestAnimationFrame(tick);
  };
  const stop = () => {
    cancelAnimationFrame(frame);
    frame = null;
    playing.textContent = "Play";
  };

  playing.addEventListener("click", () => (frame ? stop() : play()));
  element.addEventListener("keydown", (event) => event.key === "Escape" && stop());
  slider.addEventListener("input", () => {
    stop();
    go(Number(slider.value));
  });
  for (const radio of element.querySelectorAll("input[type=radio]")) radio.addEventListener("change", draw);
  for (const button of element.querySelectorAll("[data-set]")) button.addEventListener("click", () => set(button.dataset.set, aae.z));
  for (const button of element.querySelectorAll("[data-go]")) {
    button.addEventListener("click", () => {
      stop();
      put(ends[button.dataset.go]);
    });
  }
  query(".sum").addEventListener("click", () => {
    stop();
    put(arithmetic(ends.A, ends.B, ends.C));
  });

  const changed = () => {
    update(aae.z);
    draw();
  };
  const here = presence(element, changed, aae.subscribe(update));
}
