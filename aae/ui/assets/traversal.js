// The traversal board: row i is z with z[i] from -3 to 3 σ, live as z moves.

import { bar, Board } from "./board.js";
import { now } from "./now.js";
import { presence } from "./presence.js";
import { aae } from "./state.js";
import { packed, traversal } from "./walks.js";

const COLUMNS = 9, EXTENT = 3; // σ
const STEP = (2 * EXTENT) / (COLUMNS - 1);
const valueAt = (column) => column * STEP - EXTENT;
const said = (value) => value.toFixed(2).replace("-", "−");

export function mount({ element }) {
  const rows = element.querySelector(".row-names");
  const move = (row, value) => {
    aae.forgetOriginal();
    aae.move(aae.z.map((now, i) => (i === row ? value : now)));
  };
  const board = new Board(element.querySelector(".board"), {
    pick: (column, row) => move(row, valueAt(column)),
    slide: (x, row) => move(row, Math.min(Math.max(valueAt(x - 0.5), -EXTENT), EXTENT)),
    describe: (column, row) => `z[${row}] = ${said(valueAt(column))}`,
  });
  element.querySelector(".column-names").replaceChildren(
    ...Array.from({ length: COLUMNS }, (_, i) => Object.assign(document.createElement("span"), { textContent: said(valueAt(i)) })),
  );

  const update = (z) => {
    if (!here.seen || !z.length || z.length !== aae.latentDim || !aae.url) return;
    if (z.length !== board.rows) {
      board.resize(COLUMNS, z.length);
      rows.replaceChildren(...z.map((_, i) => Object.assign(document.createElement("span"), { textContent: `z[${i}]` })));
    }
    board.show(packed(traversal(z, COLUMNS, EXTENT)));
    board.mark((context, across, down) => {
      z.forEach((value, row) => {
        const x = ((value + EXTENT) / STEP + 0.5) * across;
        bar(context, Math.min(Math.max(x, 3), COLUMNS * across - 3), row * down, down);
      });
    });
  };
  const picture = now(element);
  const follow = (z) => {
    update(z);
    if (here.seen) picture();
  };
  const here = presence(element, () => follow(aae.z), aae.subscribe(follow));
}
