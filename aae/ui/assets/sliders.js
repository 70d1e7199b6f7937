// The native sliders and z. A slider under a hand moves z at once: Gradio, which would ask all sliders for their values at every
// event, hears of it once z has rested. Sliders follow a z that was moved elsewhere in the same way: what they show at every
// frame, their values proper by an event that stays in the browser.

import { aae } from "./state.js";

const REST = 150; // ms
const TURNS = 8; // frames in which each number box is brought up to date once: they cost the most, and nobody reads faster

export function mount({ element, trigger }) {
  const note = element.querySelector("p");
  let resting = null, turn = 0;

  window.addEventListener("input", (event) => {
    const slider = event.target.type === "range" && event.target.closest("[id^=z-]");
    const index = slider ? Number(slider.id.slice(2)) : NaN;
    if (!(index < aae.z.length)) return;
    event.stopImmediatePropagation();
    aae.move(aae.z.with(index, event.target.value));
  }, { capture: true });

  const rest = () => {
    aae.readings().forEach((value, index) => setValue(inputsOf(index)[0], value));
    trigger("rested", {});
  };
  aae.subscribe((z) => {
    tellBeyond(note, z);
    if (!aae.slidersBehind) return;
    turn = (turn + 1) % TURNS;
    aae.readings().forEach((value, index) => {
      slide(value, index);
      if (index % TURNS === turn) setValue(inputsOf(index)[0], value);
    });
    clearTimeout(resting);
    resting = setTimeout(rest, REST);
  });
}

// Of a slider of Gradio's: its number box and its track.
const inputsOf = (index) => document.getElementById(`z-${index}`)?.querySelectorAll("input") ?? [];

function slide(value, index) {
  const range = inputsOf(index)[1];
  if (!setValue(range, value)) return;
  const share = (value - range.min) / (range.max - range.min);
  range.style.setProperty("--range_progress", `${100 * share}%`);
}

function setValue(input, value) {
  if (!input) return false;
  if (Number(input.value) !== value) input.value = value;
  return true;
}

function tellBeyond(note, z) {
  const beyond = z.map((value, i) => (Math.abs(value) > 3.5 ? `z[${i}] = ${value.toFixed(2)}` : "")).filter(Boolean);
  const text = beyond.length ? `Beyond the sliders, which end at 3.5: ${beyond.join(", ")}.` : "";
  if (note.textContent !== text) note.textContent = text;
}
