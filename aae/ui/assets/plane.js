// The latent plane: a marker that shows where z stands, and a pointer that moves z within the plane.

import { mount as mountFigure } from "./figure.js";
import { discriminatorField } from "./field.js";
import { keys } from "./keys.js";
import { marginals } from "./marginals.js";
import { pathLayer } from "./path.js";
import { pointCards } from "./points.js";
import { moveWithin, project } from "./slice.js";
import { aae } from "./state.js";
import { plotView } from "./view.js";

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
    aae.setShown(value);
    cards.use(value);
    drawMarginals();
    field.placed(axes);
    path.placed(axes);
    place();
    view.placed();
  };
  let overlaid = false; // the prior's draws over the codes too
  const prepare = ({ data, layout }) => {
    view.prepare({ data, layout });
    const prior = data.find((trace) => trace.name === "prior");
    if (overlaid && prior) data.push({ ...prior, xaxis: "x", yaxis: "y", overlaid: true });
  };
  const { plot, draw } = mountFigure(box, { prepare, placed, buttons: [MOVE] });
  aae.overlay = (wanted) => {
    overlaid = wanted;
    draw();
  };
  const view = plotView(plot, draw);
  const drawMarginals = marginals(frame, plot);
  const field = discriminatorField(frame, plot);
  aae.showField = field.show;
  const path = pathLayer(frame, plot);
  aae.showPath = path.show;
  const cards = pointCards(frame, plot, box.server);
  aae.subscribe(place);
  steer(plot, () => axes, cards);
  keys(frame);
}

// Pointer -> z. Press and drag anywhere in either plot, or only hover where `aae.follow` is set. Plotly gets a drag with
// Shift, to pan, and every drag while pan or zoom is chosen in the modebar.
function steer(plot, axesNow, cards) {
  let press = null; // {subplot, event} while something is dragged

  const surface = (event) => event.target.closest?.(".nsewdrag");
  const subplotOf = (event) => SUBPLOTS[surface(event)?.dataset.subplot];
  const ours = (event) =>
    subplotOf(event) && axesNow() && plot._fullLayout.dragmode === false && !event.shiftKey && !event.ctrlKey && !event.metaKey;

  // Where in a subplot the pointer is: px from the left and top of its area, which a drag cannot leave.
  const placeIn = (event, [xName, yName]) => {
    const frame = plot.getBoundingClientRect();
    const x = plot._fullLayout[xName], y = plot._fullLayout[yName];
    const within = (offset, length) => Math.min(Math.max(offset, 0), length);
    return {
      x,
      y,
      left: within(event.clientX - frame.left - x._offset, x._length),
      top: within(event.clientY - frame.top - y._offset, y._length),
    };
  };
  const moveTo = (event, subplot) => {
    const axes = axesNow();
    if (!axes || axes[0].length !== aae.z.length) return;
    const { x, y, left, top } = placeIn(event, subplot);
    cards.hide();
    aae.forgetOriginal();
    aae.move(moveWithin(axes, aae.z, [x.p2l(left), y.p2l(top)]));
  };
  const pointUnder = (event) => {
    const subplot = subplotOf(event);
    if (subplot !== SUBPLOTS.xy) return null;
    const { x, y, left, top } = placeIn(event, subplot);
    const point = cards.find(left, top);
    return point && { point, left: x._offset + left, top: y._offset + top };
  };
  const look = (event) => {
    const under = pointUnder(event);
    if (under) cards.show(under.point, under.left, under.top);
    else cards.hide();
  };
  const listen = (name, handler) => plot.addEventListener(name, handler, { capture: true, passive: false });

  listen("pointerdown", (event) => {
    const layout = plot._fullLayout;
    if (event.button === 0 && event.shiftKey && surface(event) && layout.dragmode === false) {
      layout.dragmode = "zoom"; // for this press: Plotly, whose mousedown follows, pans where Shift and zoom meet
      return window.addEventListener("pointerup", () => setTimeout(() => (plot._fullLayout.dragmode = false)), { once: true });
    }
    if (event.button !== 0 || !ours(event)) return;
    press = { subplot: subplotOf(event), event };
    surface(event).setPointerCapture(event.pointerId);
    moveTo(event, press.subplot);
  });
  listen("pointermove", (event) => {
    if (press) return moveTo(event, press.subplot);
    if (event.buttons || !ours(event)) return cards.hide();
    return aae.follow ? moveTo(event, subplotOf(event)) : look(event);
  });
  listen("pointerup", (event) => {
    const clicked = press && Math.hypot(event.clientX - press.event.clientX, event.clientY - press.event.clientY) < 4;
    press = null;
    const under = clicked && pointUnder(event);
    if (!under) return;
    aae.move(cards.codeAt(under.point.place)); // all of its code, not only what the plane shows of it
    cards.show(under.point, under.left, under.top);
  });
  for (const name of ["pointercancel", "lostpointercapture"]) listen(name, () => (press = null));
  plot.addEventListener("pointerleave", cards.hide);
  // Plotly listens to mouse and touch; of a drag of ours it must not see anything.
  for (const name of ["mousedown", "mousemove", "touchstart", "touchmove"]) {
    listen(name, (event) => {
      if (!press) return;
      event.stopPropagation();
      if (event.cancelable) event.preventDefault();
    });
  }
}
