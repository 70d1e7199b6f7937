// A view of the latent space as a plane in it: `axes` (2, latent_dim) has orthonormal rows, and a code z is drawn at axes z.

// z -> where it is drawn.
export function project(axes, z) {
  return axes.map((row) => row.reduce((sum, weight, i) => sum + weight * z[i], 0));
}

// The code that is drawn at `point` and nearest to z: z + axesᵀ (point - axes z). It lies in the affine plane through z
// that the two directions span; what z is in all other directions stays as it is.
export function moveWithin(axes, z, point) {
  const [dx, dy] = project(axes, z).map((now, k) => point[k] - now);
  return z.map((value, i) => value + dx * axes[0][i] + dy * axes[1][i]);
}
