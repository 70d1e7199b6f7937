// The manifold board: the prior's quantile grid over the plane that is drawn, through z.

import { Board, outline } from "./board.js";
import { now } from "./now.js";
import { presence } from "./presence.js";
import { project } from "./slice.js";
import { aae } from "./state.js";
import { manifold, packed, priorQuantiles } from "./walks.js";

export function mount({ element }) {
  const count = element.querySelector("select");
  let quantiles = []; // from the left and from below
  let decoded = ""; // what the tiles show

  const pointAt = (column, row) => [quantiles[column], quantiles[quantiles.length - 1 - row]];
  const board = new Board(element.querySelector(".board"), {
    pick: (column, row) => {
      const n = quantiles.length;
      aae.forgetOriginal();
      aae.move(manifold(aae.axes, aae.z, n)[row * n + column]);
    },
    describe: (column, row) => `Tile at ${pointAt(column, row).map((value) => value.toFixed(2)).join(", ")}`,
  });

  const update = (z) => {
    const axes = aae.axes;
    if (!here.seen || !axes || axes[0].length !== z.length || z.length !== aae.latentDim || !aae.url) return;
    const n = Number(count.value);
    if (n !== quantiles.length) quantiles = priorQuantiles(n);
    board.resize(n, n);
    const [px, py] = project(axes, z);
    const across = z.map((value, i) => value - px * axes[0][i] - py * axes[1][i]); // z moving within the plane changes no tile
    const key = [aae.url, n, ...[...axes.flat(), ...across].map((value) => value.toFixed(4))].join();
    if (key !== decoded) board.show(packed(manifold(axes, z, n)));
    decoded = key;
    const nearest = (value) => quantiles.reduce((best, q, i) => (Math.abs(q - value) < Math.abs(quantiles[best] - value) ? i : best), 0);
    const [column, row] = [nearest(px), n - 1 - nearest(py)];
    board.frame.dataset.nearest = `${column},${row}`;
    board.mark((context, width, height) => outline(context, column * width, row * height, width, height));
  };
  const picture = now(element);
  const follow = (z) => {
    update(z);
    if (here.seen) picture();
  };
  const here = presence(element, () => follow(aae.z), aae.subscribe(follow));
  count.addEventListener("change", () => update(aae.z));
}
