// A way from A to B, drawn in the plane.

import { project } from "./slice.js";
import { inEachPlot } from "./subplots.js";

const COLOUR = "#e6007a"; // z's own

export function pathLayer(frame, plot) {
  const canvas = document.createElement("canvas");
  canvas.className = "path";
  canvas.setAttribute("aria-hidden", "true");
  canvas.hidden = true;
  frame.append(canvas);
  let axes = null;
  let path = null; // {codes, ends: {A: code, B: code}}

  const paint = () => {
    const fits = path && axes?.[0].length === path.codes[0].length && plot._fullLayout;
    canvas.hidden = !fits;
    if (!fits) return;
    const { width, height } = plot._fullLayout;
    const scale = window.devicePixelRatio || 1;
    Object.assign(canvas, { width: width * scale, height: height * scale });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const points = path.codes.map((code) => project(axes, code));
    canvas.dataset.ends = [points[0], points.at(-1)].flat().map((value) => value.toFixed(3)).join();
    inEachPlot(plot, context, (x, y) => {
      const at = ([px, py]) => [x.l2p(px), y.l2p(py)];
      context.beginPath();
      points.forEach((point) => context.lineTo(...at(point)));
      for (const [colour, lineWidth] of [["rgba(255, 255, 255, 0.9)", 5], [COLOUR, 2]]) {
        Object.assign(context, { strokeStyle: colour, lineWidth });
        context.stroke();
      }
      Object.assign(context, { font: "bold 13px system-ui, sans-serif", textAlign: "center", textBaseline: "middle" });
      for (const [name, code] of Object.entries(path.ends)) letter(context, name, ...at(project(axes, code)));
    });
  };

  return {
    placed(now) {
      axes = now;
      paint();
    },
    // The path to draw, or null for none.
    show(now) {
      path = now;
      paint();
    },
  };
}

function letter(context, name, left, top) {
  context.beginPath();
  context.arc(left, top, 9, 0, 2 * Math.PI);
  context.fillStyle = COLOUR;
  context.fill();
  context.fillStyle = "#fff";
  context.fillText(name, left, top + 1);
}
