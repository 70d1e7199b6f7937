// The codes of held-out images, in all their dimensions; the figure has only their projections.
//
// A codes file is a little-endian uint32 (the header's length), a JSON header {"count", "latent_dim"}, the codes as float16
// (count x latent_dim, row by row), and the labels as uint8.

import { toFloat32 } from "./network.js";

const cache = new Map(); // url -> Promise<Codes or null>

export class Codes {
  constructor(buffer) {
    const headerLength = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, headerLength)));
    const end = 4 + headerLength + 2 * header.count * header.latent_dim;
    this.count = header.count;
    this.latentDim = header.latent_dim;
    this.values = toFloat32(new Uint16Array(buffer.slice(4 + headerLength, end)));
    this.labels = new Uint8Array(buffer, end);
    this.places = []; // class -> places of its codes, in order: the figure's traces
    this.labels.forEach((label, place) => (this.places[label] ??= []).push(place));
  }

  // The code at a place.
  at(place) {
    return Array.from(this.values.subarray(place * this.latentDim, (place + 1) * this.latentDim));
  }

  // The k codes nearest to z, nearest first: [{place, away}] with their Euclidean distances.
  nearest(z, k) {
    const found = [];
    for (let place = 0, next = 0; place < this.count; place++) {
      let square = 0;
      for (const value of z) square += (this.values[next++] - value) ** 2;
      if (found.length === k && square >= found[k - 1].square) continue;
      if (found.length === k) found.pop();
      let at = found.length;
      while (at && found[at - 1].square > square) at--;
      found.splice(at, 0, { place, square });
    }
    return found.map(({ place, square }) => ({ place, away: Math.sqrt(square) }));
  }
}

// The codes at an address, fetched once; null if they cannot be had: then points only have their projections.
export function loadCodes(url) {
  if (!cache.has(url)) {
    const loading = fetched(url);
    loading.then((codes) => codes ?? cache.delete(url)); // try again next time
    cache.set(url, loading);
    if (cache.size > 8) cache.delete(cache.keys().next().value);
  }
  return cache.get(url);
}

async function fetched(url) {
  try {
    const response = await fetch(url);
    return response.ok ? new Codes(await response.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

export const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]));
