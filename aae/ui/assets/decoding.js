// Boards of images, decoded by one worker for the whole page.

import { loadNetwork } from "./network.js";

const jobs = new Map(); // number -> {show, settle} of what the worker has yet to finish
let worker = null;
let decoder = ""; // the address of the weights that the worker has
let last = 0;

// Decode codes (Float32Array count x latent_dim) with the decoder at an address. `show(first, greys)` gets the images in pieces.
// Resolves when all have come; to false if the decoder cannot be had.
export async function decodeMany(url, codes, show) {
  let network;
  try {
    network = await loadNetwork(url);
  } catch {
    return false;
  }
  worker ??= start();
  if (decoder !== url) worker.postMessage({ buffer: network.buffer });
  decoder = url;
  return new Promise((settle) => {
    jobs.set(++last, { show, settle });
    worker.postMessage({ job: last, codes });
  });
}

// Jobs {codes, url, …} of which only the newest counts: while one is under way the last of the others waits, the rest are
// dropped. `show(job, first, greys)` as above; `settled(decoded, more)` after each job, `more` if another waits.
export function newestOnly(show, settled = () => {}) {
  let waiting = null;
  let busy = false;
  return async (job) => {
    waiting = job;
    if (busy) return;
    busy = true;
    while (waiting) {
      const now = waiting;
      waiting = null;
      const decoded = await decodeMany(now.url, now.codes, (first, greys) => show(now, first, greys));
      settled(decoded, waiting !== null);
    }
    busy = false;
  };
}

function start() {
  const started = new Worker(new URL("./decode-worker.js", import.meta.url), { type: "module" });
  started.onmessage = ({ data: { job, first, greys, done } }) => {
    const { show, settle } = jobs.get(job);
    show(first, greys);
    if (!done) return;
    jobs.delete(job);
    settle(true);
  };
  started.onerror = () => {
    for (const { settle } of jobs.values()) settle(false);
    jobs.clear();
  };
  return started;
}
