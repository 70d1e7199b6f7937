// Ways through the latent space, by the formulas of aae/walks.py.

import { chiCdf } from "./chi.js";
import { moveWithin } from "./slice.js";

// A draw from N(0, 1) (Box and Muller).
export const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

export const linear = (a, b, t) => a.map((value, i) => (1 - t) * value + t * b[i]);

// Slerp: (sin((1 - t) Ω) a + sin(t Ω) b) / sin Ω, Ω the angle between a and b; the straight line where there is none.
export function spherical(a, b, t) {
  const norms = Math.hypot(...a) * Math.hypot(...b);
  const cosine = norms ? a.reduce((sum, value, i) => sum + value * b[i], 0) / norms : 1;
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1)), sine = Math.sin(angle);
  if (sine < 1e-6) return linear(a, b, t);
  const [first, second] = [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return a.map((value, i) => first * value + second * b[i]);
}

export const arithmetic = (a, b, c) => a.map((value, i) => value - b[i] + c[i]);

// Codes one after the other, as boards take them: Float32Array count x latent_dim.
export const packed = (codes) => Float32Array.from(codes.flat());

// Row i: z with z[i] from -extent to extent σ.
export function traversal(z, columns, extent) {
  const step = (2 * extent) / (columns - 1);
  return z.flatMap((_, i) => Array.from({ length: columns }, (_, j) => z.map((value, k) => (k === i ? j * step - extent : value))));
}

// Φ⁻¹((i - ½) / n) for i = 1 … n.
export const priorQuantiles = (n) => Array.from({ length: n }, (_, i) => normalQuantile((i + 0.5) / n));

// The prior's quantile grid in the plane of `axes` through z, from the top row down.
export function manifold(axes, z, n) {
  const quantiles = priorQuantiles(n);
  return [...quantiles].reverse().flatMap((y) => quantiles.map((x) => moveWithin(axes, z, [x, y])));
}

// Newton's method on Φ(x) = (1 + P(|Z| < x)) / 2, which is concave for x > 0: from 0 on it never steps too far.
function normalQuantile(p) {
  if (p < 0.5) return -normalQuantile(1 - p);
  let x = 0;
  for (let step = 1; Math.abs(step) > 1e-9; x += step) {
    step = (p - (1 + chiCdf(x, 1)) / 2) * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2);
  }
  return x;
}
