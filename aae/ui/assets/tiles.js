// Places for small multiples: as many columns as the figure asks for, fewer on a phone.
// layout.meta: {tiles: count, columns: [wide, narrow], row: px of height of one row,
// square: whether a unit is as long on both axes}.

const GAP = { x: 34, y: 40 }; // px between tiles, for ticks and titles

export function arrange(layout, plot, narrow) {
  const { tiles, columns, row, square } = layout.meta;
  const across = Math.min(columns[narrow ? 1 : 0], tiles);
  const down = Math.ceil(tiles / across);
  const { l, r, t, b } = layout.margin;
  const width = Math.max(plot.clientWidth - l - r, 1);
  const height = down * row - GAP.y;
  plot.style.height = `${height + t + b}px`;
  for (let i = 0; i < tiles; i++) {
    const number = i ? i + 1 : "";
    const place = [i % across, Math.floor(i / across)];
    const share = (size, gap, count, at) => {
      const one = (1 - ((count - 1) * gap) / size) / count;
      const start = at * (one + gap / size);
      return [start, start + one];
    };
    if (square) layout[`yaxis${number}`].scaleanchor = `x${number}`;
    layout[`xaxis${number}`].domain = share(width, GAP.x, across, place[0]);
    layout[`yaxis${number}`].domain = share(height, GAP.y, down, down - 1 - place[1]).map((at) => Math.min(at, 1));
  }
}
