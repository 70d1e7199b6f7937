// The discriminator's eye: D over the slice of the latent space that the plane draws, as colours under the points and a line
// over them where D is 0.5.

import { project } from "./slice.js";
import { aae } from "./state.js";
import { inEachPlot } from "./subplots.js";

const CELLS = 40; // each way
const MARGIN = 0.2; // of the range beyond what is drawn: a small pan needs no new field
const IMAGE = [231, 99, 0], PRIOR = [63, 144, 218]; // orange, blue: told apart with any sight

export function discriminatorField(frame, plot) {
  const [canvas, line] = ["field", "contour"].map((className) => {
    const made = Object.assign(document.createElement("canvas"), { className, hidden: true });
    made.setAttribute("aria-hidden", "true");
    return made;
  });
  frame.prepend(canvas);
  plot.after(line);
  let worker = null;
  let wanted = false;
  let axes = null;
  let asked = ""; // what the worker was last asked for
  let busy = false;
  let field = null; // {xs, ys, values}

  // The slice and what is drawn of it. z moving within the slice changes neither.
  const request = () => {
    const layout = plot._fullLayout;
    if (!aae.discriminatorUrl && field) {
      field = null; // the model before had one
      asked = "";
      paint();
    }
    if (!wanted || busy || !axes || !layout || axes[0].length !== aae.z.length || !aae.discriminatorUrl) return;
    const [px, py] = project(axes, aae.z);
    const across = aae.z.map((value, i) => value - px * axes[0][i] - py * axes[1][i]); // of z, what the plane does not show
    const grid = ([low, high]) => {
      const from = low - MARGIN * (high - low), step = ((1 + 2 * MARGIN) * (high - low)) / (CELLS - 1);
      return Array.from({ length: CELLS }, (_, i) => from + i * step);
    };
    const xs = grid(layout.xaxis.range), ys = grid(layout.yaxis.range);
    const key = [aae.discriminatorUrl, ...[...axes.flat(), ...across, xs[0], xs[1], ys[0], ys[1]].map((v) => v.toFixed(3))].join();
    if (key === asked) return;
    asked = key;
    busy = true;
    worker ??= new Worker(new URL("./field-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data: values }) => {
      busy = false;
      field = values && aae.discriminatorUrl && { xs, ys, values };
      paint();
      request(); // for what has changed meanwhile
    };
    const url = new URL(aae.discriminatorUrl, document.baseURI).href;
    worker.postMessage({ url, axes, z: across, xs, ys });
  };

  const paint = () => {
    canvas.hidden = line.hidden = !wanted || !field;
    if (canvas.hidden || !plot._fullLayout) return;
    const { width, height } = plot._fullLayout;
    Object.assign(canvas, { width, height });
    const image = coloured(field.values);
    const context = canvas.getContext("2d");
    inEachPlot(plot, context, (x, y) => {
      const { xs, ys } = field;
      const half = [(xs[1] - xs[0]) / 2, (ys[1] - ys[0]) / 2]; // a value belongs to the middle of its cell
      const left = x.l2p(xs[0] - half[0]), right = x.l2p(xs[CELLS - 1] + half[0]);
      const low = y.l2p(ys[0] - half[1]), high = y.l2p(ys[CELLS - 1] + half[1]);
      context.drawImage(image, left, low, right - left, high - low);
    });
    const scale = window.devicePixelRatio || 1, style = getComputedStyle(frame);
    Object.assign(line, { width: width * scale, height: height * scale });
    Object.assign(line.style, { width: `${width}px`, height: `${height}px` });
    const over = line.getContext("2d");
    over.scale(scale, scale);
    const colours = [style.getPropertyValue("--body-background-fill"), style.color]; // a halo, to be seen on any point
    inEachPlot(plot, over, (x, y) => contour(over, field, (value) => x.l2p(value), (value) => y.l2p(value), colours));
    canvas.dataset.range = `${Math.min(...field.values)},${Math.max(...field.values)}`;
    const i = CELLS * 12 + 25;
    canvas.dataset.sample = `${field.xs[25]},${field.ys[12]},${field.values[i]}`;
  };

  aae.subscribe(request);
  return {
    placed(now) {
      axes = now;
      paint();
      request();
    },
    show(now) {
      wanted = now;
      paint();
      request();
    },
  };
}

// One pixel a cell; the further from 0.5, the stronger.
function coloured(values) {
  const image = new OffscreenCanvas(CELLS, CELLS);
  const context = image.getContext("2d");
  const pixels = context.createImageData(CELLS, CELLS);
  values.forEach((D, i) => {
    pixels.data.set([...(D > 0.5 ? PRIOR : IMAGE), 140 * Math.min(1, 2 * Math.abs(D - 0.5))], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
  return image;
}

// Where D = 0.5: in each cell, a line between the points at which its edges cross it (marching squares).
function contour(context, { xs, ys, values }, toX, toY, [halo, colour]) {
  const corner = (i, j) => ({ x: xs[i], y: ys[j], over: values[j * CELLS + i] - 0.5 });
  context.beginPath();
  for (let j = 0; j + 1 < CELLS; j++) {
    for (let i = 0; i + 1 < CELLS; i++) {
      const corners = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)];
      const crossings = [];
      corners.forEach((a, k) => {
        const b = corners[(k + 1) % 4];
        if (a.over > 0 === b.over > 0) return;
        const share = a.over / (a.over - b.over);
        crossings.push([toX(a.x + share * (b.x - a.x)), toY(a.y + share * (b.y - a.y))]);
      });
      for (let k = 0; k + 1 < crossings.length; k += 2) {
        context.moveTo(...crossings[k]);
        context.lineTo(...crossings[k + 1]);
      }
    }
  }
  for (const [strokeStyle, lineWidth] of [[halo, 4], [colour, 1.5]]) {
    Object.assign(context, { strokeStyle, lineWidth, lineCap: "round" });
    context.stroke();
  }
}
