// Decodes many codes, away from the page's own thread.
//
// {buffer}: the weights file of the decoder from now on. {job, codes}: Float32Array count x latent_dim, answered piece by piece
// with {job, first, greys, done}: greys (Uint8Array) of the codes from number `first` on.

import { batchOf, MOST } from "./batch.js";
import { Network } from "./network.js";

let batch = null;

onmessage = ({ data: { buffer, job, codes } }) => {
  if (buffer) return void (batch = batchOf(new Network(buffer)));
  const count = codes.length / batch.latentDim;
  for (let first = 0; first < count; first += MOST) {
    const piece = codes.subarray(first * batch.latentDim, (first + MOST) * batch.latentDim);
    const greys = batch.greys(piece);
    postMessage({ job, first, greys, done: first + MOST >= count }, [greys.buffer]);
  }
};
