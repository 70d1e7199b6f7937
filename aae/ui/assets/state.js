// What the page's parts share: the current code z, the current decoder, and who wants to hear of a change.
// `window.aae` is this module, for the sliders' events and for programs that drive the page.

import { loadNetwork } from "./network.js";
import { normal } from "./walks.js";

const SLIDER_LIMIT = 3.5;
const listeners = new Set();
let decoder = null;
let discriminator = null;
let scheduled = false;
let isDrawn = () => {};
let readings = []; // what the sliders said when they were last heard or set

export const aae = {
  z: [],
  latentDim: 0,
  slidersBehind: false, // z has moved, and the sliders do not say so yet

  // z -> Float32Array(1024) in [-1, 1]; null until the weights have arrived.
  decode(z) {
    return decoder ? decoder.run(z) : null;
  },

  // z -> D(z) in (0, 1), how much it looks like a draw of the prior; null without the discriminator.
  discriminate(z) {
    return discriminator ? 1 / (1 + Math.exp(-discriminator.run(z)[0])) : null;
  },

  // The sliders' handler. A slider that says what it said before has not been moved, and z keeps its exact value there:
  // sliders round, and they end at 3.5.
  draw(values) {
    const latest = values.slice(0, aae.latentDim || values.length).map(Number);
    const kept = aae.z.length === latest.length;
    aae.z = latest.map((value, i) => (kept && value === readings[i] ? aae.z[i] : value));
    readings = latest;
    changed();
  },

  // Take z from elsewhere: the plane, a point, a board. The sliders follow (sliders.js).
  move(z) {
    aae.z = z.map(Number);
    aae.slidersBehind = true;
    changed();
  },

  // What the sliders can say of z: two decimals, within their range.
  readings: () => aae.z.map((value) => Math.round(Math.min(Math.max(value, -SLIDER_LIMIT), SLIDER_LIMIT) * 100) / 100),

  // The sliders' values once z has come to rest; `values` are those they have now.
  settle(values) {
    readings = aae.readings();
    aae.slidersBehind = false;
    return values.map((value, i) => readings[i] ?? value);
  },

  // Called when z leaves the image it was encoded from; the digit panel hides that image then.
  forgetOriginal() {},

  // Go to the origin of the latent space; returns the sliders' values there. z moves at once, not when the sliders say so:
  // they may be about to say something older.
  origin(values) {
    aae.forgetOriginal();
    aae.move(aae.z.map(() => 0));
    return aae.settle(values);
  },

  // Go to a draw of the prior N(0, I), and return the sliders' values there; redrawn where it falls outside their range.
  fromPrior(values) {
    aae.forgetOriginal();
    aae.move(aae.z.map(() => {
      for (;;) {
        const value = normal();
        if (Math.abs(value) <= SLIDER_LIMIT) return Math.round(value * 100) / 100;
      }
    }));
    return aae.settle(values);
  },

  // Use another model's decoder; without a discriminator if it has none. Resolves to false if its weights cannot be fetched.
  async use(url, latentDim, discriminatorUrl) {
    aae.latentDim = latentDim;
    aae.url = url;
    decoder = discriminator = null;
    aae.discriminatorUrl = discriminatorUrl;
    if (discriminatorUrl) {
      loadNetwork(discriminatorUrl).then(
        (loaded) => {
          if (aae.url !== url) return;
          discriminator = loaded;
          changed();
        },
        () => {}, // the page does without D(z)
      );
    }
    try {
      const loaded = await loadNetwork(url);
      if (aae.url !== url) return true; // another model was chosen meanwhile
      decoder = loaded;
    } catch {
      return false;
    }
    changed();
    return true;
  },

  // What the plane draws (its value, see components.py): whose codes those are. Listeners hear of another one too.
  shown: null,
  setShown(value) {
    if (value === aae.shown) return;
    aae.shown = value;
    changed();
  },

  // Resolves when the first image has been drawn.
  drawn: new Promise((resolve) => (isDrawn = resolve)),

  // Call `listener(z)` before each frame in which z has changed; returns the function that ends it.
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

// Tell the listeners once before the next frame is painted.
function changed() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    for (const listener of listeners) listener(aae.z);
    if (decoder) isDrawn();
  });
}

window.aae = aae;
