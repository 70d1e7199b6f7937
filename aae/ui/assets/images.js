// Images side by side, as Python packs them: pairs with captions, and grids. Text is set as text, never as HTML.

import { fromBase64, paint } from "./digit.js";

const SIDE = 32;

export function mount({ element, props, watch }) {
  const box = element.querySelector(".images");
  const update = () => {
    const { note = "", groups = [] } = props.value ?? {};
    const narrow = element.clientWidth > 0 && element.clientWidth < 560;
    box.replaceChildren(...(note ? [tag("p", "hint", note)] : []), ...groups.map((one) => group(one, narrow)));
  };
  watch("value", update);
  update();
}

// {title, names, tiles: [{images: [packed, …], caption}]}, or {title, grid: packed images, columns, about}.
function group({ title, names = [], tiles = [], grid, columns = 1, about = "" }, narrow) {
  const section = tag("section");
  section.append(tag("h4", "", title));
  if (grid) {
    section.append(mosaic(fromBase64(grid), narrow ? columns / 2 : columns, about));
    return section;
  }
  const list = tag("div", "tiles");
  for (const { images, caption } of tiles) {
    const figure = tag("figure");
    const pair = tag("div");
    images.forEach((image, i) => {
      const canvas = tag("canvas");
      canvas.width = canvas.height = SIDE;
      label(canvas, `${names[i]}, ${caption}`);
      canvas.title = names[i];
      paint(canvas, fromBase64(image));
      pair.append(canvas);
    });
    figure.append(pair, tag("figcaption", "", caption));
    list.append(figure);
  }
  section.append(list);
  return section;
}

function mosaic(pixels, columns, about) {
  const canvas = tag("canvas", "grid");
  const count = pixels.length / SIDE ** 2;
  canvas.width = columns * SIDE;
  canvas.height = Math.ceil(count / columns) * SIDE;
  label(canvas, about);
  const one = tag("canvas");
  one.width = one.height = SIDE;
  for (let i = 0; i < count; i++) {
    paint(one, pixels.subarray(i * SIDE ** 2, (i + 1) * SIDE ** 2));
    canvas.getContext("2d").drawImage(one, (i % columns) * SIDE, Math.floor(i / columns) * SIDE);
  }
  return canvas;
}

function label(canvas, text) {
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text);
}

function tag(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
