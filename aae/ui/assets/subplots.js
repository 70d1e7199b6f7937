// Drawing over the two plots of the plane's figure, on a canvas as large as the figure.

// Call `draw(x axis, y axis)` for each plot, its left upper corner being 0, 0 and the rest of the canvas out of reach.
export function inEachPlot(plot, context, draw) {
  for (const [xName, yName] of [["xaxis", "yaxis"], ["xaxis2", "yaxis2"]]) {
    const x = plot._fullLayout[xName], y = plot._fullLayout[yName];
    if (!x || !y) continue;
    context.save();
    context.translate(x._offset, y._offset);
    context.beginPath();
    context.rect(0, 0, x._length, y._length);
    context.clip();
    draw(x, y);
    context.restore();
  }
}
