// A visitor's picture as the encoder saw it, what z decodes to, and the error between the two, at every frame in which z moves.

import { fromBase64, paint } from "./digit.js";
import { aae } from "./state.js";

const FULL = 1; // the error that is painted white, of a range of 2
const STOPS = [[0, 0, 0], [168, 40, 0], [255, 150, 30], [255, 255, 255]]; // grows ever lighter: read without colour too

export function mount({ element, props, watch, trigger }) {
  const figures = element.querySelector(".own-figures");
  const [picture, decoded, error] = element.querySelectorAll("canvas");
  const verdict = element.querySelector(".own-verdict");
  const steps = element.querySelector(".own-steps");
  let own = null; // {x, z, weights}

  const sameModel = () => aae.url?.endsWith(own.weights);
  const compare = () => {
    if (!own || !element.offsetParent) return;
    if (!sameModel()) {
      figures.hidden = true;
      verdict.textContent = "Another model encoded this picture; take its code again.";
      return;
    }
    const now = aae.decode(aae.z), best = aae.decode(own.z);
    if (!now) return;
    figures.hidden = false;
    paint(decoded, now);
    paintError(error, own.x, now);
    const l1 = distance(own.x, now).toFixed(3), atCode = distance(own.x, best).toFixed(3);
    verdict.textContent = atCode === l1 ? `L1(x, x̂) = ${l1}, at its own code.` : `L1(x, x̂) = ${l1} here, ${atCode} at its own code.`;
  };
  aae.subscribe(compare);
  new ResizeObserver(compare).observe(element); // the tab was opened

  const update = () => {
    const value = props.value;
    if (!value) return;
    steps.textContent = value.problem ?? value.steps ?? "";
    steps.classList.toggle("problem", Boolean(value.problem));
    if (value.problem) {
      own = null;
      figures.hidden = true;
      return void (verdict.textContent = "");
    }
    if (!value.image) return;
    own = { x: fromBase64(value.image), z: value.z, weights: value.weights };
    paint(picture, own.x);
    if (!sameModel()) return compare();
    aae.forgetOriginal();
    aae.move(value.z);
    compare();
  };
  watch("value", update);
  update();

  document.querySelector("#own-file")?.addEventListener("change", () => (aae.ownSource = null), true);
  // Back to the picture's code, by whichever way the picture came.
  aae.takeOwnCode = () => {
    if (own && sameModel()) aae.move(own.z);
    else if (aae.ownSource) aae.ownSource();
    else trigger("again", {});
  };
}

const distance = (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;

function paintError(canvas, x, reconstruction) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(32, 32);
  for (let i = 0; i < 1024; i++) image.data.set([...heat(Math.abs(x[i] - reconstruction[i]) / FULL), 255], 4 * i);
  context.putImageData(image, 0, 0);
}

// 0 to 1 -> a colour between the stops.
function heat(share) {
  const at = Math.min(share, 1) * (STOPS.length - 1);
  const stop = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[stop].map((low, k) => low + (at - stop) * (STOPS[stop + 1][k] - low));
}
