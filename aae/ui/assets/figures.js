// The figures on the page, for modules that move what is in them.

export const figures = new WeakMap(); // plot element -> { points(floats), rows(floats) }

export const figureAt = (selector) => figures.get(document.querySelector(`${selector} .figure`));

// Text that Python packed -> float32.
export function decodeFloats(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
