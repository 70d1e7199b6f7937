// A board: tiles of 32x32 pixels on one canvas, decoded by the worker; the newest codes win. Over them lies a canvas of marks.
// With a pointer or with arrow keys and Enter a tile is picked.

import { newestOnly } from "./decoding.js";
import { aae } from "./state.js";

const SIDE = 32;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const COLOUR = "#e6007a"; // z's own
const CLICK = 4; // px a press may move and still pick a tile

export class Board {
  // `frame` holds canvas.tiles, canvas.marks and p.said. `pick(column, row)` is called for a chosen tile, `describe(column,
  // row)` says in words which one the keyboard is at. With `slide(x, row)` a drag along a row is reported too, x in columns.
  constructor(frame, { pick, describe, slide = null }) {
    Object.assign(this, { frame, pick, describe, slide, columns: 0, rows: 0 });
    [this.tiles, this.marks] = ["tiles", "marks"].map((name) => frame.querySelector(`canvas.${name}`));
    this.said = frame.querySelector(".said");
    this.cursor = null; // the tile that the keyboard is at
    this.drawMarks = () => {};
    this.decode = newestOnly(
      (job, first, greys) => this.#paint(job.tiles, first, greys),
      (decoded, more) => this.#settled(decoded, more),
    );
    this.#listen();
  }

  // So many tiles; what was painted goes if that is news.
  resize(columns, rows) {
    if (columns === this.columns && rows === this.rows) return;
    Object.assign(this, { columns, rows, cursor: null });
    Object.assign(this.tiles, { width: columns * SIDE, height: rows * SIDE });
    this.image = new ImageData(this.tiles.width, this.tiles.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.frame.style.setProperty("--columns", columns);
    this.frame.style.setProperty("--rows", rows);
  }

  // Decode columns x rows codes (Float32Array, row by row) with the current decoder and paint them.
  show(codes) {
    this.frame.dataset.state = "busy";
    this.decode({ codes, url: aae.url, tiles: this.columns * this.rows });
  }

  // `draw(context, width of a tile, height of a tile)` draws over the tiles, in px.
  mark(draw) {
    this.drawMarks = draw;
    const { marks, tiles } = this;
    const scale = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = tiles;
    if (marks.width !== Math.round(width * scale) || marks.height !== Math.round(height * scale)) {
      Object.assign(marks, { width: Math.round(width * scale), height: Math.round(height * scale) });
    }
    const context = marks.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const [across, down] = [width / this.columns, height / this.rows];
    draw(context, across, down);
    if (this.cursor && document.activeElement === tiles) {
      outline(context, this.cursor[0] * across, this.cursor[1] * down, across, down, [4, 3]);
    }
  }

  #settled(decoded, more) {
    this.frame.dataset.state = decoded ? (more ? "busy" : "shown") : "missing";
    if (decoded) this.frame.dispatchEvent(new CustomEvent("painted"));
    else this.said.textContent = "These images are decoded in the browser, and the decoder could not be fetched.";
  }

  #paint(tiles, first, greys) {
    if (tiles !== this.columns * this.rows) return; // the board has another size by now
    const width = this.tiles.width;
    const count = greys.length / SIDE ** 2;
    for (let tile = 0, next = 0; tile < count; tile++) {
      const row = Math.floor((first + tile) / this.columns), column = (first + tile) % this.columns;
      for (let y = 0; y < SIDE; y++) {
        let place = (row * SIDE + y) * width + column * SIDE;
        for (let x = 0; x < SIDE; x++) this.pixels[place++] = 0xff000000 | (greys[next++] * 0x010101);
      }
    }
    const top = Math.floor(first / this.columns) * SIDE;
    const bottom = (Math.floor((first + count - 1) / this.columns) + 1) * SIDE;
    this.tiles.getContext("2d").putImageData(this.image, 0, 0, 0, top, width, bottom - top);
  }

  #listen() {
    const { tiles } = this;
    let press = null;
    const place = (event) => {
      const box = tiles.getBoundingClientRect();
      const within = (share, count) => Math.min(Math.max(share * count, 0), count - 1e-6);
      return [within((event.clientX - box.left) / box.width, this.columns), within((event.clientY - box.top) / box.height, this.rows)];
    };
    tiles.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      press = { x: event.clientX, row: Math.floor(place(event)[1]), slid: false };
      this.cursor = null;
      tiles.setPointerCapture(event.pointerId);
    });
    tiles.addEventListener("pointermove", (event) => {
      if (!press || !this.slide) return;
      press.slid ||= Math.abs(event.clientX - press.x) > CLICK;
      if (press.slid) this.slide(place(event)[0], press.row);
    });
    tiles.addEventListener("pointerup", (event) => {
      if (press && !press.slid) this.pick(...place(event).map(Math.floor));
      press = null;
    });
    tiles.addEventListener("pointercancel", () => (press = null));
    tiles.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const arrow = ARROWS[event.key];
      if (arrow) {
        const [column, row] = this.cursor ?? [(this.columns - 1) >> 1, (this.rows - 1) >> 1];
        const next = (value, step, count) => Math.min(Math.max(value + step, 0), count - 1);
        this.cursor = [next(column, arrow[0], this.columns), next(row, arrow[1], this.rows)];
        this.said.textContent = `${this.describe(...this.cursor)}. Enter goes there.`;
        tiles.scrollIntoView({ block: "nearest" });
        this.mark(this.drawMarks);
      } else if (this.cursor && (event.key === "Enter" || event.key === " ")) this.pick(...this.cursor);
      else return;
      event.preventDefault();
    });
    for (const name of ["focus", "blur"]) tiles.addEventListener(name, () => this.mark(this.drawMarks));
    new ResizeObserver(() => this.columns && this.mark(this.drawMarks)).observe(tiles);
  }
}

// A frame around a tile, seen on black and on white.
export function outline(context, left, top, width, height, dash = []) {
  for (const [colour, lineWidth] of [["#fff", 5], [COLOUR, 3]]) {
    context.setLineDash(colour === COLOUR ? dash : []);
    Object.assign(context, { strokeStyle: colour, lineWidth });
    context.strokeRect(left + 2, top + 2, width - 4, height - 4);
  }
  context.setLineDash([]);
}

// A bar across a row at `left`.
export function bar(context, left, top, height) {
  for (const [colour, width] of [["#fff", 5], [COLOUR, 3]]) {
    context.fillStyle = colour;
    context.fillRect(left - width / 2, top + 1, width, height - 2);
  }
}
