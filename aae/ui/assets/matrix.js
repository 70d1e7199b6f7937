// One layer of a network for many codes at once, as a WebAssembly function with 128-bit vectors: JavaScript has none, and
// takes over ten times as long. The function is assembled below, so that there is nothing to compile or to fetch.
//
//   layer(weights, biases, from, to, inputs, outputs, panels, slope)
//
// All but `slope` (float32) are byte addresses or counts; `inputs` and `outputs` are multiples of 4. A panel is 8 codes:
// values lie as [panel][unit][8 codes], weights as [outputs / 4][inputs][4 outputs], all float32.
// to = max(v, slope v) with v = weights · from + biases: leaky ReLU, or with slope 1 the identity.

const I32 = 0x7f, F32 = 0x7d, V128 = 0x7b, EMPTY = 0x40;
const [WEIGHTS, BIASES, FROM, TO, INPUTS, OUTPUTS, PANELS, SLOPE, w, x, y, k, group, panel, base, left, right, weight, sums] = Array(19).keys();
const ROWS = [0, 1, 2, 3];

const unsigned = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >> 7)]);
const constant = (value) => [0x41, ...(value < 64 ? [value] : [(value & 127) | 128, value >> 7])]; // i32 from 0 to 8,191
const get = (local) => [0x20, local];
const set = (local, ...value) => [...value.flat(), 0x21, local];
const add = (a, b) => [...a, ...b, 0x6a];
const times = (a, b) => [...a, ...b, 0x6c];
const forward = (local, step) => set(local, add(get(local), constant(step)));
const vector = (number) => [0xfd, ...unsigned(number)];
const splat = vector(19), plus = vector(228), product = vector(230), largest = vector(235);
const load = (pointer, offset) => [...get(pointer), ...vector(0), 2, ...unsigned(offset)];
const loadAll = (pointer, offset) => [...get(pointer), ...vector(9), 2, ...unsigned(offset)]; // one float in all four lanes
const store = (pointer, offset, value) => [...get(pointer), ...value, ...vector(11), 2, ...unsigned(offset)];

// Do `body`, then again while `counter`, which it is to count down, is not 0.
const repeat = (counter, step, body) => [0x03, EMPTY, ...body, ...get(counter), ...constant(step), 0x6b, 0x22, counter, 0x0d, 0, 0x0b];
const sum = (row, half) => sums + 2 * row + half;

// sums[row] += weight of row · the panel's eight values, for the four inputs from here.
const fourInputs = ROWS.flatMap((input) => [
  ...set(left, load(x, 32 * input)),
  ...set(right, load(x, 32 * input + 16)),
  ...ROWS.flatMap((row) => [
    ...set(weight, loadAll(w, 16 * input + 4 * row)),
    ...[left, right].flatMap((values, half) => set(sum(row, half), get(sum(row, half)), get(weight), get(values), product, plus)),
  ]),
]);

const onePanel = [
  ...set(w, get(base)),
  ...ROWS.flatMap((row) => [0, 1].flatMap((half) => set(sum(row, half), loadAll(BIASES, 4 * row)))),
  ...set(k, get(INPUTS)),
  ...repeat(k, 4, [...fourInputs, ...forward(w, 64), ...forward(x, 128)]),
  ...ROWS.flatMap((row) =>
    [0, 1].flatMap((half) => {
      const value = get(sum(row, half));
      return store(y, 32 * row + 16 * half, [...value, ...value, ...get(SLOPE), ...splat, ...product, ...largest]);
    }),
  ),
  ...set(y, add(get(y), times(get(OUTPUTS), constant(32)))),
];

// Four outputs for all panels, then the next four: their weights stay in the nearest cache meanwhile.
const body = [
  ...set(group, get(OUTPUTS)),
  ...set(base, get(WEIGHTS)),
  ...repeat(group, 4, [
    ...set(x, get(FROM)),
    ...set(y, get(TO)),
    ...set(panel, get(PANELS)),
    ...repeat(panel, 1, onePanel),
    ...set(base, get(w)),
    ...forward(BIASES, 16),
    ...forward(TO, 128),
  ]),
  0x0b,
];

const sized = (bytes) => [...unsigned(bytes.length), ...bytes];
const section = (id, bytes) => [id, ...sized(bytes)];
const text = (string) => sized([...string].map((character) => character.charCodeAt(0)));
const locals = [2, ...unsigned(left - w), I32, ...unsigned(3 + 8), V128];
const MODULE = [
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, [1, 0x60, ...sized([...Array(SLOPE).fill(I32), F32]), 0]),
  ...section(2, [1, ...text("page"), ...text("memory"), 2, 0, 1]),
  ...section(3, [1, 0]),
  ...section(7, [1, ...text("layer"), 0, 0]),
  ...section(10, [1, ...sized([...locals, ...body])]),
];

// `layer` on a memory of that many bytes: {layer, memory: Float32Array}. Throws where there is no WebAssembly with vectors.
export function layerFunction(bytes) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536) });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(MODULE)), { page: { memory } });
  return { layer: exports.layer, memory: new Float32Array(memory.buffer) };
}
