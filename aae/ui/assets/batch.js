// Many codes through a network at once, for boards of images.

import { layerFunction } from "./matrix.js";

export const MOST = 96; // codes at once: their values stay in the cache
const PANEL = 8; // codes side by side, see matrix.js
const SLOPES = { leaky_relu: 0.2, linear: 1, tanh: 1 }; // tanh: see GREYS

const padded = (count, to = 4) => Math.ceil(count / to) * to;

// Greys of tanh(v) for v from -TAIL to TAIL in equal steps; beyond, tanh is within half a grey level of -1 or 1. One in
// three hundred pixels rounds to the neighbouring grey: Math.tanh itself would take longer than all the matrix products.
const TAIL = 4, STEPS = 65_536;
const GREYS = Uint8Array.from({ length: STEPS + 1 }, (_, i) => Math.round((Math.tanh((2 * TAIL * i) / STEPS - TAIL) + 1) * 127.5));

// `network` is a Network that ends in tanh, as decoders do.
class Batch {
  constructor(network) {
    const sizes = network.layers.map(({ inputs, outputs }) => [padded(inputs), padded(outputs)]);
    const widest = Math.max(...sizes.flat());
    const weights = sizes.reduce((sum, [inputs, outputs]) => sum + (inputs + 1) * outputs, 0);
    const { layer, memory } = layerFunction(4 * (weights + 2 * widest * MOST));
    let next = 0;
    this.layers = network.layers.map((source, i) => {
      const [inputs, outputs] = sizes[i];
      const start = next;
      next += inputs * outputs;
      for (let row = 0; row < source.outputs; row++) {
        const group = start + (row - (row % 4)) * inputs + (row % 4);
        for (let column = 0; column < source.inputs; column++) memory[group + 4 * column] = source.weights[row * source.inputs + column];
      }
      memory.set(source.biases, next);
      next += outputs;
      return { weights: 4 * start, biases: 4 * (next - outputs), inputs, outputs, slope: SLOPES[source.activation] };
    });
    Object.assign(this, { run: layer, memory, first: next, second: next + widest * MOST, latentDim: network.latentDim });
  }

  // Float32Array codes, count x latentDim with count <= MOST -> Uint8Array greys, count x 1024.
  greys(codes) {
    const { latentDim, memory } = this;
    const count = codes.length / latentDim, panels = Math.ceil(count / PANEL);
    let from = this.first, to = this.second;
    const units = this.layers[0].inputs;
    memory.fill(0, from, from + panels * units * PANEL);
    const at = (panel, unit, code) => (panel * units + unit) * PANEL + code;
    for (let c = 0; c < count; c++) {
      for (let i = 0; i < latentDim; i++) memory[from + at(c >> 3, i, c & 7)] = codes[c * latentDim + i];
    }
    for (const { weights, biases, inputs, outputs, slope } of this.layers) {
      this.run(weights, biases, 4 * from, 4 * to, inputs, outputs, panels, slope);
      [from, to] = [to, from];
    }
    const pixels = this.layers.at(-1).outputs;
    const greys = new Uint8Array(count * pixels);
    for (let c = 0, next = 0; c < count; c++) {
      let place = from + (c >> 3) * pixels * PANEL + (c & 7);
      for (let i = 0; i < pixels; i++, place += PANEL) {
        greys[next++] = GREYS[Math.max(0, Math.min(STEPS, Math.round(((memory[place] + TAIL) * STEPS) / (2 * TAIL))))];
      }
    }
    return greys;
  }
}

// Where WebAssembly has no vectors: one code after the other.
class OneByOne {
  constructor(network) {
    Object.assign(this, { network, latentDim: network.latentDim });
  }

  greys(codes) {
    const images = [];
    for (let start = 0; start < codes.length; start += this.latentDim) {
      images.push(this.network.run(codes.subarray(start, start + this.latentDim)).map((pixel) => Math.round((pixel + 1) * 127.5)));
    }
    return Uint8Array.from(images.flatMap((image) => Array.from(image)));
  }
}

export function batchOf(network) {
  try {
    return new Batch(network);
  } catch {
    return new OneByOne(network);
  }
}
