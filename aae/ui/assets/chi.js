// The norm of a draw from N(0, I_n) follows the chi distribution with n degrees of freedom.

// The probability that such a norm is below r: the regularised lower incomplete gamma function P(n/2, r²/2), by its series
// or, for large r, by its continued fraction (Press et al., Numerical Recipes, section 6.2).
export function chiCdf(r, n) {
  const a = n / 2, x = (r * r) / 2;
  if (x === 0) return 0;
  const scale = Math.exp(a * Math.log(x) - x - logGammaOfHalf(n));
  if (x < a + 1) {
    let term = 1 / a, sum = term;
    for (let k = 1; k < 500 && term > sum * 1e-12; k++) sum += term *= x / (a + k);
    return sum * scale;
  }
  let b = x + 1 - a, c = 1e300, d = 1 / b, fraction = d;
  for (let k = 1; k < 500; k++) {
    const numerator = -k * (k - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-12) break;
  }
  return 1 - fraction * scale;
}

// log Γ(n/2), from Γ(1/2) = √π or Γ(1) = 1 upwards.
function logGammaOfHalf(n) {
  let result = n % 2 ? Math.log(Math.PI) / 2 : 0;
  for (let a = n % 2 ? 0.5 : 1; a < n / 2; a++) result += Math.log(a);
  return result;
}
