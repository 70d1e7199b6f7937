// The keyboard in the plane. Keys act only while the plane has the focus: elsewhere arrows scroll and letters are letters.

import { moveWithin, project } from "./slice.js";
import { aae } from "./state.js";

const STEP = 0.1, BIG_STEP = 0.5; // σ
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const BUTTONS = { r: "btn-random", 0: "btn-origin" };

export function keys(frame) {
  frame.tabIndex = 0;
  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key], button = BUTTONS[event.key.toLowerCase()];
    if (arrow && aae.axes?.[0].length === aae.z.length) {
      const step = event.shiftKey ? BIG_STEP : STEP;
      const [x, y] = project(aae.axes, aae.z);
      aae.forgetOriginal();
      aae.move(moveWithin(aae.axes, aae.z, [x + step * arrow[0], y + step * arrow[1]]));
    } else if (button) document.getElementById(button)?.click();
    else if (/^[1-9]$/.test(event.key)) document.querySelector(`#z-${event.key - 1} input[type=range]`)?.focus();
    else return;
    event.preventDefault();
  });
  frame.addEventListener("pointerdown", () => frame.focus({ preventScroll: true }));
}
