// What the page's parts share: the current code z, the current decoder, and who wants to hear of a change.
// `window.aae` is this module, for the sliders' events and for programs that drive the page.

import { loadDecoder } from "./decoder.js";

const listeners = new Set();
let decoder = null;
let scheduled = false;

export const aae = {
  z: [],
  latentDim: 0,

  // z -> Float32Array(1024) in [-1, 1]; null until the weights have arrived.
  decode(z) {
    return decoder ? decoder.decode(z) : null;
  },

  // The sliders' handler: remember z, and tell the listeners once before the next frame is painted.
  draw(z) {
    aae.z = z.slice(0, aae.latentDim || z.length).map(Number);
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      for (const listener of listeners) listener(aae.z);
    });
  },

  // Called when z leaves the image it was encoded from; the digit panel hides that image then.
  forgetOriginal() {},

  // The sliders' values at the origin of the latent space.
  origin(values) {
    aae.forgetOriginal();
    return values.map(() => 0);
  },

  // A draw of the prior N(0, I) as slider values; redrawn where it falls outside the sliders' range.
  fromPrior(values) {
    aae.forgetOriginal();
    return values.map(() => {
      for (;;) {
        const value = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
        if (Math.abs(value) <= 3.5) return Math.round(value * 100) / 100;
      }
    });
  },

  // Use another model's decoder. Resolves to false if its weights cannot be fetched.
  async use(url, latentDim) {
    aae.latentDim = latentDim;
    aae.url = url;
    decoder = null;
    try {
      const loaded = await loadDecoder(url);
      if (aae.url !== url) return true; // another model was chosen meanwhile
      decoder = loaded;
    } catch {
      return false;
    }
    aae.draw(aae.z);
    return true;
  },

  // Call `listener(z)` before each frame in which z has changed; returns the function that ends it.
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

window.aae = aae;
