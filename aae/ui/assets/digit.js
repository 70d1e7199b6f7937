// The decoded image: a canvas of 32x32 pixels that follows z, and the original beside it after "encode".

import { aae } from "./state.js";

const FALLBACK_PAUSE = 120; // ms between two requests where the server has to decode

export function mount({ element, props, watch, trigger }) {
  const decoded = element.querySelector("#decoded");
  const original = element.querySelector("#original");
  const originalFigure = element.querySelector("#original-figure");
  const note = element.querySelector("#digit-note");
  // Gradio hides what overflows its page, and so keeps what is sticky from sticking to the window; its CSS option cannot reach
  // the page itself. Clipped, it looks the same.
  element.closest(".gradio-container")?.style.setProperty("overflow", "clip", "important");
  let serverDecodes = false;
  let waiting = null;

  aae.subscribe((z) => {
    const pixels = aae.decode(z);
    if (pixels) paint(decoded, pixels);
    else if (serverDecodes && !waiting) {
      waiting = setTimeout(() => {
        waiting = null;
        trigger("undecoded", { z: aae.z });
      }, FALLBACK_PAUSE);
    }
  });

  aae.forgetOriginal = () => {
    if (originalFigure.hidden && !note.textContent) return; // asked at every event of a pointer
    originalFigure.hidden = true;
    note.textContent = "";
  };

  let weights = null;
  const update = async () => {
    const value = props.value;
    if (!value) return;
    if (value.pixels) return void (serverDecodes && paint(decoded, fromBase64(value.pixels)));
    originalFigure.hidden = !value.original;
    note.textContent = value.note ?? "";
    if (value.original) paint(original, fromBase64(value.original));
    if (value.model) aae.model = value.model;
    if (value.weights !== weights) {
      weights = value.weights;
      if (value.z) aae.z = value.z;
      serverDecodes = !(await aae.use(value.weights, value.latent_dim, value.discriminator));
      if (serverDecodes) aae.move(aae.z); // ask for its image
    }
  };
  watch("value", update);
  update();
}

// Pixels in [-1, 1] -> grey levels.
export function paint(canvas, pixels) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(32, 32);
  for (let i = 0; i < 1024; i++) {
    image.data[4 * i] = image.data[4 * i + 1] = image.data[4 * i + 2] = Math.round((pixels[i] + 1) * 127.5);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// 1,024 bytes -> pixels in [-1, 1].
export function fromBase64(text) {
  return Float32Array.from(atob(text), (character) => character.charCodeAt(0) / 127.5 - 1);
}
