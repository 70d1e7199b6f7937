// The latent plane: a marker that shows where z stands, and a pointer that moves z within the plane.

import { mount as mountFigure } from "./figure.js";
import { moveWithin, project } from "./slice.js";
import { aae } from "./state.js";

const SUBPLOTS = { xy: ["xaxis", "yaxis"], x2y2: ["xaxis2", "yaxis2"] };

// Plotly's own drags hang on its modebar; this button leaves them again.
const MOVE = {
  name: "move z",
  title: "Drag moves z",
  icon: { width: 24, height: 24, path: "M12 2a10 10 0 1 0 0 20a10 10 0 1 0 0-20zm0 4a6 6 0 1 1 0 12a6 6 0 1 1 0-12z" },
  click: (plot) => window.Plotly.relayout(plot, { dragmode: false }),
};

export function mount(box) {
  const { element } = box;
  const frame = element.querySelector(".figure-frame");
  let axes = null; // (2, latent_dim) of the figure that is drawn

  const markers = Object.keys(SUBPLOTS).map(() => {
    const marker = document.createElement("div");
    marker.className = "z-marker";
    marker.hidden = true;
    frame.append(marker);
    return marker;
  });
  const place = () => {
    const layout = plot._fullLayout;
    const fits = axes && axes[0].length === aae.z.length; // not between two models
    if (!fits || !layout) return markers.forEach((marker) => (marker.hidden = true));
    const [px, py] = project(axes, aae.z);
    Object.values(SUBPLOTS).forEach(([xName, yName], i) => {
      const x = layout[xName], y = layout[yName];
      if (!x || !y) return;
      const left = x.l2p(px), top = y.l2p(py);
      markers[i].hidden = !(left >= 0 && left <= x._length && top >= 0 && top <= y._length);
      markers[i].style.transform = `translate(${x._offset + left}px, ${y._offset + top}px)`;
    });
    element.dataset.marker = `${px.toFixed(4)},${py.toFixed(4)}`;
  };
  const placed = (value) => {
    aae.axes = axes = value.axes;
    place();
  };
  const plot = mountFigure(box, { placed, buttons: [MOVE] });
  aae.subscribe(place);
  steer(plot, () => axes);
}

// Pointer -> z. Press and drag anywhere in either plot, or only hover where `aae.follow` is set. Plotly gets a drag with
// Shift, to pan, and every drag while pan or zoom is chosen in the modebar.
function steer(plot, axesNow) {
  let subplot = null; // where the press began; null while nothing is dragged

  const surface = (event) => event.target.closest?.(".nsewdrag");
  const ours = (event) =>
    surface(event) && axesNow() && plot._fullLayout.dragmode === false && !event.shiftKey && !event.ctrlKey && !event.metaKey;

  const moveTo = (event, [xName, yName]) => {
    const axes = axesNow();
    if (!axes || axes[0].length !== aae.z.length) return;
    const frame = plot.getBoundingClientRect();
    const x = plot._fullLayout[xName], y = plot._fullLayout[yName];
    const within = (offset, length) => Math.min(Math.max(offset, 0), length);
    const left = within(event.clientX - frame.left - x._offset, x._length);
    const top = within(event.clientY - frame.top - y._offset, y._length);
    aae.forgetOriginal();
    aae.move(moveWithin(axes, aae.z, [x.p2l(left), y.p2l(top)]));
  };
  const listen = (name, handler) => plot.addEventListener(name, handler, { capture: true, passive: false });

  listen("pointerdown", (event) => {
    const layout = plot._fullLayout;
    if (event.button === 0 && event.shiftKey && surface(event) && layout.dragmode === false) {
      layout.dragmode = "zoom"; // for this press: Plotly, whose mousedown follows, pans where Shift and zoom meet
      return window.addEventListener("pointerup", () => setTimeout(() => (plot._fullLayout.dragmode = false)), { once: true });
    }
    if (event.button !== 0 || !ours(event)) return;
    subplot = SUBPLOTS[surface(event).dataset.subplot];
    if (!subplot) return;
    surface(event).setPointerCapture(event.pointerId);
    moveTo(event, subplot);
  });
  listen("pointermove", (event) => {
    if (subplot) return moveTo(event, subplot);
    if (aae.follow && !event.buttons && ours(event)) moveTo(event, SUBPLOTS[surface(event).dataset.subplot]);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) listen(name, () => (subplot = null));
  // Plotly listens to mouse and touch; it must not see ours, or it would look for points under the pointer at every move.
  for (const name of ["mousedown", "mousemove", "touchstart", "touchmove"]) {
    listen(name, (event) => {
      if (!subplot) return;
      event.stopPropagation();
      if (event.cancelable) event.preventDefault();
    });
  }
}
