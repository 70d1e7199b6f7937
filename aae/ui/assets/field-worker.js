// Computes D over a slice of the latent space, away from the page's own thread.

import { loadNetwork } from "./network.js";
import { moveWithin } from "./slice.js";

// {url, axes, z, xs, ys} -> Float32Array of D(z') row by row (ys outer), z' the code of the slice that is drawn at (x, y).
onmessage = async ({ data: { url, axes, z, xs, ys } }) => {
  try {
    const discriminator = await loadNetwork(url);
    const values = new Float32Array(xs.length * ys.length);
    let next = 0;
    for (const y of ys) for (const x of xs) values[next++] = 1 / (1 + Math.exp(-discriminator.run(moveWithin(axes, z, [x, y]))[0]));
    postMessage(values, [values.buffer]);
  } catch {
    postMessage(null);
  }
};
