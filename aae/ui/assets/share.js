// Share and keep: the link, z as JSON, and files to save.

import { encodeGif } from "./gif.js";
import { aae } from "./state.js";

const REST = 300; // ms
const FRAME = 80, PAUSE = 600; // ms a frame of an animation, and of its ends
const STEPS = 24; // frames from A to B
const ENLARGED = 512;

export function mount({ element }) {
  const find = (selector) => element.querySelector(selector);
  const address = find(".address"), text = find("textarea"), told = find(".told");
  const tell = (sentence) => (told.textContent = sentence);

  const refresh = () => {
    address.value = aae.link?.() ?? "";
    address.placeholder = "your own model lives in your session only: no link can open it";
    if (document.activeElement !== text && aae.z.length) text.value = JSON.stringify({ model: aae.model, z: aae.z.map(short) });
  };
  aae.linkChanged = refresh;
  let resting = null;
  aae.subscribe(() => {
    clearTimeout(resting);
    resting = setTimeout(refresh, REST);
  });
  refresh();

  const copy = async (field, what) => {
    refresh();
    if (!field.value) return tell("Your own model lives in your session only: no link can open it. Its file can be downloaded.");
    try {
      await navigator.clipboard.writeText(field.value);
      tell(`${what} is copied.`);
    } catch { // a frame may not use the clipboard
      field.select();
      tell(document.execCommand?.("copy") ? `${what} is copied.` : `${what} is selected; copy it with Ctrl C.`);
    }
  };

  const acts = {
    "copy-link": () => copy(address, "The link"),
    "copy-z": () => copy(text, "z"),
    "take-z": () => {
      const { z, problem } = readCode(text.value, aae.latentDim);
      if (problem) return tell(problem);
      aae.forgetOriginal();
      aae.move(z);
      tell("z is taken from the text.");
    },
    image: () => saveCanvas(document.querySelector("#decoded"), `${aae.model}-32.png`),
    enlarged: () => saveCanvas(enlarge(document.querySelector("#decoded"), ENLARGED), `${aae.model}-${ENLARGED}.png`),
    figure: saveFigure,
    boards: async () => {
      const boards = [...document.querySelectorAll(".board canvas")].filter((canvas) => canvas.matches(".tiles") && canvas.width > 1);
      if (!boards.length) return tell("Open Traversal or Manifold first: what was painted there is saved.");
      for (const board of boards) await saveCanvas(board, `${aae.model}-${board.closest("#traversal, #manifold, #journey")?.id ?? "board"}.png`);
      tell(`${boards.length === 1 ? "A board is" : `${boards.length} boards are`} saved.`);
    },
    gif: () => {
      const codes = aae.wayFromAToB?.(STEPS);
      if (!codes) return tell("Keep an A and a B in the tab A to B first.");
      const there = codes.map((z) => grey(aae.decode(z)));
      const frames = [...there, ...there.slice(1, -1).reverse()];
      const delays = frames.map((_, i) => (i === 0 || i === there.length - 1 ? PAUSE : FRAME));
      save(new Blob([encodeGif(frames, 32, 32, delays, 6)], { type: "image/gif" }), `${aae.model}-a-to-b.gif`);
      tell("The way from A to B and back is saved.");
    },
  };
  element.addEventListener("click", async (event) => {
    const act = acts[event.target.closest("button")?.dataset.act];
    if (!act) return;
    tell("");
    try {
      await act();
    } catch (error) {
      console.warn(error);
      tell("That did not work in this browser; try another.");
    }
  });
}

const short = (value) => Math.round(value * 10000) / 10000;
const grey = (pixels) => Uint8Array.from(pixels, (value) => Math.round((value + 1) * 127.5));

// A list of numbers, or an object that has one as z.
export function readCode(text, latentDim) {
  let read;
  try {
    read = JSON.parse(text);
  } catch {
    return { problem: "This is not JSON; paste a list of numbers, or what Copy z gives." };
  }
  const z = Array.isArray(read) ? read : read?.z;
  if (!Array.isArray(z) || z.length !== latentDim) return { problem: `z must be a list of ${latentDim} numbers for this model.` };
  if (!z.every((value) => typeof value === "number" && Math.abs(value) <= 100)) return { problem: "z must hold numbers between -100 and 100 only." };
  return { z };
}

function enlarge(canvas, side) {
  const large = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, side, side);
  return large;
}

const saveCanvas = (canvas, name) => new Promise((done) => canvas.toBlob((blob) => done(save(blob, name)), "image/png"));

// Plotly's own picture of the plane, and over it what the page draws: histograms, the discriminator's eye, the marker.
async function saveFigure() {
  const frame = document.querySelector("#plane .figure-frame"), plot = frame.querySelector(".figure");
  const { width, height } = plot._fullLayout;
  const scale = 2;
  const picture = new Image();
  picture.src = await window.Plotly.toImage(plot, { format: "png", width, height, scale });
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(document.body).getPropertyValue("--body-background-fill").trim() || "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const over = (layer) => layer && !layer.hidden && layer.width > 0 && context.drawImage(layer, 0, 0, canvas.width, canvas.height);
  over(frame.querySelector(".field"));
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  for (const name of ["contour", "marginals", "path"]) over(frame.querySelector(`.${name}`));
  const box = frame.getBoundingClientRect();
  for (const marker of frame.querySelectorAll(".z-marker")) {
    if (marker.hidden) continue;
    const { left, top, width: side } = marker.getBoundingClientRect();
    for (const [colour, line] of [["#fff", 7], ["#e6007a", 3]]) {
      context.beginPath();
      context.arc((left - box.left + side / 2) * scale, (top - box.top + side / 2) * scale, (side / 2 - 1.5) * scale, 0, 7);
      Object.assign(context, { strokeStyle: colour, lineWidth: line * scale });
      context.stroke();
    }
  }
  await saveCanvas(canvas, `${aae.model}-plane.png`);
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
