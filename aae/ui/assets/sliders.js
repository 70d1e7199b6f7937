// The native sliders follow a z that was moved elsewhere: what they show, at every frame, without an event, so that
// nothing answers; their values proper once z has rested, by an event that stays in the browser.

import { aae } from "./state.js";

const REST = 150; // ms

export function mount({ element, trigger }) {
  const note = element.querySelector("p");
  let resting = null;

  aae.subscribe((z) => {
    tellBeyond(note, z);
    if (!aae.slidersBehind) return;
    aae.readings().forEach(show);
    clearTimeout(resting);
    resting = setTimeout(() => trigger("rested", {}), REST);
  });
}

function show(value, index) {
  const slider = document.getElementById(`z-${index}`);
  const [number, range] = slider?.querySelectorAll("input") ?? [];
  if (!range) return;
  number.value = range.value = value;
  const share = (value - range.min) / (range.max - range.min);
  range.style.setProperty("--range_progress", `${100 * share}%`);
}

function tellBeyond(note, z) {
  const beyond = z.map((value, i) => (Math.abs(value) > 3.5 ? `z[${i}] = ${value.toFixed(2)}` : "")).filter(Boolean);
  const text = beyond.length ? `Beyond the sliders, which end at 3.5: ${beyond.join(", ")}.` : "";
  if (note.textContent !== text) note.textContent = text;
}
