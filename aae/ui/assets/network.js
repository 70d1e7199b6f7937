// The decoder p(x|z) and the discriminator D(z) in the browser: small multilayer perceptrons on typed arrays.
//
// A weights file is a little-endian uint32 (the header's length), a JSON header
// {"latent_dim": n, "layers": [{"inputs", "outputs", "activation"}]}, then for each layer the float16 weights
// (outputs x inputs, row by row) and biases (outputs). Batch norm is folded into the layers before export.

const cache = new Map(); // url -> Promise<Network>

export class Network {
  constructor(buffer) {
    const headerLength = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, headerLength)));
    let halves = new Uint16Array(buffer.slice(4 + headerLength));
    this.buffer = buffer; // for a worker, which makes its own
    this.latentDim = header.latent_dim;
    this.layers = header.layers.map(({ inputs, outputs, activation }) => {
      const weights = toFloat32(halves.subarray(0, inputs * outputs));
      const biases = toFloat32(halves.subarray(inputs * outputs, (inputs + 1) * outputs));
      halves = halves.subarray((inputs + 1) * outputs);
      return { inputs, outputs, activation, activate: ACTIVATIONS[activation], weights, biases };
    });
  }

  // z (latentDim numbers) -> what the last layer gives: 1,024 pixels in [-1, 1], row by row, or one logit.
  run(z) {
    let values = Float32Array.from({ length: this.latentDim }, (_, i) => Number(z[i]) || 0);
    for (const layer of this.layers) values = apply(layer, values);
    return values;
  }
}

// The network of a weights file; fetched once for each address. Rejects if it cannot be had.
export function loadNetwork(url) {
  if (!cache.has(url)) {
    const loading = fetch(url).then(async (response) => {
      if (!response.ok) throw new Error(`weights: HTTP ${response.status}`);
      return new Network(await response.arrayBuffer());
    });
    loading.catch(() => cache.delete(url)); // try again next time
    cache.set(url, loading);
    if (cache.size > 8) cache.delete(cache.keys().next().value);
  }
  return cache.get(url);
}

const ACTIVATIONS = {
  leaky_relu: (value) => (value > 0 ? value : 0.2 * value),
  linear: (value) => value,
  tanh: Math.tanh,
};

function apply({ inputs, outputs, activate, weights, biases }, values) {
  const result = new Float32Array(outputs);
  for (let row = 0, start = 0; row < outputs; row++, start += inputs) {
    // Four sums: a single one would wait for each addition.
    let a = 0, b = 0, c = 0, d = 0, column = 0;
    for (; column + 3 < inputs; column += 4) {
      a += weights[start + column] * values[column];
      b += weights[start + column + 1] * values[column + 1];
      c += weights[start + column + 2] * values[column + 2];
      d += weights[start + column + 3] * values[column + 3];
    }
    for (; column < inputs; column++) a += weights[start + column] * values[column];
    result[row] = activate(a + b + c + d + biases[row]);
  }
  return result;
}

// float16 bits -> float32 values; Float16Array is too new to rely on.
export function toFloat32(halves) {
  const values = new Float32Array(halves.length), bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i], sign = half & 0x8000, exponent = half & 0x7c00, fraction = half & 0x3ff;
    if (exponent) bits[i] = (sign << 16) | ((exponent + (112 << 10)) << 13) | (fraction << 13);
    else values[i] = (sign ? -fraction : fraction) * 2 ** -24;
  }
  return values;
}
