// The film of a training run: each frame is what the model made of the same draws and images, and where the codes stood.
// Frames stay here, in the browser, so that a replay asks the server for nothing.

import { decodeFloats, figureAt } from "./figures.js";

const MOST_FRAMES = 60; // about 80 kB each: five megabytes at most
const PLAY_PAUSE = 120; // ms from frame to frame
const TILE = 32;

// Kept outside `mount`: the frames outlive a component that the page takes away and brings back.
const film = { run: null, frames: [], seen: 0, every: 1 };

// Keep a frame, the latest always; evenly spaced ones go where there are too many.
function keep(frame) {
  if (frame.run !== film.run) Object.assign(film, { run: frame.run, frames: [], seen: 0, every: 1 });
  const last = film.frames.at(-1);
  if (last?.step === frame.step) return void (film.frames[film.frames.length - 1] = frame);
  // The first frame stays, and so does one in `every`; the newest is replaced by what comes until then.
  if (film.frames.length > 1 && film.seen % film.every) film.frames[film.frames.length - 1] = frame;
  else film.frames.push(frame);
  film.seen++;
  if (film.frames.length > MOST_FRAMES) {
    film.frames = film.frames.filter((_, i) => i % 2 === 0 || i === film.frames.length - 1);
    film.every *= 2;
  }
}

export function mount({ element, props, watch }) {
  const draws = element.querySelector(".draws");
  const rebuilt = element.querySelector(".rebuilt");
  const slider = element.querySelector("input");
  const button = element.querySelector("button");
  const label = element.querySelector("output");
  let live = true; // shows the newest frame as it comes
  let playing = null;

  const show = (index) => {
    const frame = film.frames[index];
    if (!frame) return;
    slider.value = index;
    tiles(draws, bytes(frame.samples), 8);
    tiles(rebuilt, bytes(frame.originals, frame.reconstructions), 8);
    figureAt("#train-plane")?.points(decodeFloats(frame.points));
    label.textContent = `epoch ${frame.epoch.toFixed(2)} of ${frame.epochs}`;
    element.dataset.step = frame.step;
  };
  const stop = () => {
    clearInterval(playing);
    playing = null;
    button.textContent = "▶";
  };
  const play = () => {
    live = false;
    let at = Number(slider.value) >= film.frames.length - 1 ? 0 : Number(slider.value);
    button.textContent = "❚❚";
    playing = setInterval(() => {
      if (at >= film.frames.length) {
        live = true;
        return stop();
      }
      show(at++);
    }, PLAY_PAUSE);
  };
  button.addEventListener("click", () => (playing ? stop() : play()));
  slider.addEventListener("input", () => {
    stop();
    live = Number(slider.value) === film.frames.length - 1;
    show(Number(slider.value));
  });

  const update = () => {
    const frame = props.value;
    if (!frame?.run) return;
    if (frame.run !== film.run) {
      live = true;
      stop();
    }
    const { rows, ...rest } = frame;
    keep(rest);
    figureAt("#train-curves")?.rows(decodeFloats(rows));
    const last = film.frames.length - 1;
    slider.max = last;
    slider.disabled = button.disabled = last < 1;
    if (live) show(last);
  };
  watch("value", update);
  if (props.value?.run) update();
  else if (film.frames.length) show(film.frames.length - 1);
}

const bytes = (...texts) => Uint8Array.from(texts.map(atob).join(""), (character) => character.charCodeAt(0));

// Paint grey images of 32x32, one byte a pixel, as rows of `columns`.
export function tiles(canvas, grey, columns) {
  const count = grey.length / (TILE * TILE);
  [canvas.width, canvas.height] = [columns * TILE, Math.ceil(count / columns) * TILE];
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  image.data.fill(255);
  for (let i = 0; i < grey.length; i++) {
    const tile = Math.floor(i / (TILE * TILE)), y = Math.floor(i / TILE) % TILE, x = i % TILE;
    const at = 4 * ((Math.floor(tile / columns) * TILE + y) * canvas.width + (tile % columns) * TILE + x);
    image.data[at] = image.data[at + 1] = image.data[at + 2] = grey[i];
  }
  context.putImageData(image, 0, 0);
}
