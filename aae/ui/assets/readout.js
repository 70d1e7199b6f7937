// Beside the image: what the discriminator makes of z, and how far out z lies in the prior.

import { chiCdf } from "./chi.js";
import { aae } from "./state.js";

export function mount({ element }) {
  const text = element.querySelector("p");
  const update = (z) => {
    if (!z.length) return;
    const norm = Math.hypot(...z);
    const D = aae.discriminate(z);
    const below = 100 * chiCdf(norm, z.length);
    text.textContent =
      `${D === null ? "" : `D(z) = ${D.toFixed(2)} · `}|z| = ${norm.toFixed(2)}, larger than ${below.toFixed(0)} % of draws of the prior`;
  };
  aae.subscribe(update);
  update(aae.z);
}
