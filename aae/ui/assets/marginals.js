// Histograms along the upper and right edges of each plot, of the points drawn in it, and the density of N(0, 1) over them.

const DEPTH = 34; // px
const BIN = 0.2, LIMIT = 8; // σ
const BINS = Math.round((2 * LIMIT) / BIN);
const PEAK = 1 / Math.sqrt(2 * Math.PI);

export function marginals(frame, plot) {
  const canvas = document.createElement("canvas");
  canvas.className = "marginals";
  canvas.setAttribute("aria-hidden", "true");
  frame.append(canvas);

  return () => {
    const { width, height } = plot._fullLayout;
    const scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const style = getComputedStyle(frame);
    const counted = [["x", "y"], ["x2", "y2"]].map(([xId, yId]) => {
      const x = plot._fullLayout[xId.replace("x", "xaxis")], y = plot._fullLayout[yId.replace("y", "yaxis")];
      if (!x || !y) return 0;
      // A prior laid over the codes is not counted among them.
      const traces = plot._fullData.filter((trace, i) => trace.visible === true && trace.xaxis === xId && !plot.data[i].overlaid);
      context.save();
      context.translate(x._offset, y._offset);
      context.beginPath();
      context.rect(0, 0, x._length, y._length);
      context.clip();
      const [across, up] = [histogram(traces, "x"), histogram(traces, "y")];
      draw(context, style, across, (value, share) => [x.l2p(value), DEPTH * (1 - share)]);
      draw(context, style, up, (value, share) => [x._length - DEPTH * (1 - share), y.l2p(value)]);
      context.restore();
      return across.count;
    });
    canvas.dataset.counted = counted.join();
  };
}

// Shares of the points in each bin, as a density; and how many points there are.
function histogram(traces, key) {
  const bins = new Float32Array(BINS);
  let count = 0;
  for (const trace of traces) {
    for (const value of trace[key]) {
      const bin = Math.floor((value + LIMIT) / BIN);
      if (bin >= 0 && bin < BINS) bins[bin]++;
      count++;
    }
  }
  return { density: bins.map((n) => n / Math.max(count, 1) / BIN), count };
}

// `at(value, share)` is where a value stands in px, `share` (0 to 1) of the strip's depth away from its base.
function draw(context, style, { density }, at) {
  const share = (value) => Math.min((value / PEAK) * 0.6, 1);
  const flip = at(0, 0)[0] === at(1, 0)[0]; // the strip on the right grows to the left
  const place = (value, part) => (flip ? at(value, 1 - part) : at(value, part));
  context.beginPath();
  context.moveTo(...place(-LIMIT, 0));
  density.forEach((value, i) => {
    const left = -LIMIT + i * BIN;
    context.lineTo(...place(left, share(value)));
    context.lineTo(...place(left + BIN, share(value)));
  });
  context.lineTo(...place(LIMIT, 0));
  context.fillStyle = style.getPropertyValue("--body-text-color-subdued").trim() || "#888";
  context.globalAlpha = 0.45;
  context.fill();
  context.beginPath();
  for (let value = -4; value <= 4.001; value += 0.1) context.lineTo(...place(value, share(PEAK * Math.exp(-value * value / 2))));
  context.strokeStyle = style.getPropertyValue("--body-text-color").trim() || "#333";
  context.globalAlpha = 0.9;
  context.stroke();
  context.globalAlpha = 1;
}
