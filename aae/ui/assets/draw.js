// A canvas to draw a digit on: mouse, finger or pen, white on black. What is drawn goes to the server while it is drawn,
// the latest only, because the encoder lives there.

import { aae } from "./state.js";

const WIDTH = 22; // px of 280: fitted into MNIST's box, about as thick as its strokes
const SENT = 140; // px each way of what is sent
const PAUSE = 120; // ms between two messages

export function mount({ element, trigger }) {
  const canvas = element.querySelector("canvas");
  const context = canvas.getContext("2d");
  const invitation = element.querySelector(".invitation");
  const [undo, clear] = element.querySelectorAll("button");
  const small = Object.assign(document.createElement("canvas"), { width: SENT, height: SENT });
  const strokes = []; // each a list of [x, y]
  let drawing = null; // the pointer that draws
  let waiting = null;

  const redraw = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = context.fillStyle = "#fff";
    context.lineWidth = WIDTH;
    context.lineCap = context.lineJoin = "round";
    for (const [start, ...rest] of strokes) {
      context.beginPath();
      context.moveTo(...start);
      context.lineTo(start[0] + 0.01, start[1]); // a touch is a dot; a line of no length would not be drawn
      for (const point of rest) context.lineTo(...point);
      context.stroke();
    }
    invitation.hidden = strokes.length > 0;
    undo.disabled = clear.disabled = !strokes.length;
  };

  const send = () => {
    clearTimeout(waiting);
    waiting = null;
    if (!strokes.length) return;
    small.getContext("2d").drawImage(canvas, 0, 0, SENT, SENT);
    aae.ownSource = send; // how to have it encoded once more
    trigger("drawn", { png: small.toDataURL("image/png") });
  };
  const sendSoon = () => (waiting ??= setTimeout(send, PAUSE));

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || drawing !== null) return;
    canvas.setPointerCapture(event.pointerId);
    drawing = event.pointerId;
    strokes.push([place(event)]);
    redraw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    strokes.at(-1).push(...(passed.length ? passed : [event]).map(place));
    redraw();
    sendSoon();
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      send();
    });
  }
  const takeBack = () => {
    strokes.pop();
    redraw();
    send();
  };
  undo.addEventListener("click", takeBack);
  clear.addEventListener("click", () => {
    strokes.length = 0;
    redraw();
    clearTimeout(waiting);
    waiting = null;
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    takeBack();
  });
  redraw();
}
