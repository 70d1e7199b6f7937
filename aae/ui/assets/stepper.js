// One training step, a phase at a time: "Next phase" turns the page here; after the last one, "Next step" presses One step,
// and waits as that button does for a run to let go.

import { tiles } from "./film.js";

export function mount({ element, props, watch }) {
  const box = element.querySelector(".stepper");
  const oneStep = document.getElementById("btn-step");
  let phase = 0, asked = false;

  const light = () => {
    const next = box.querySelector(".stepper-next");
    if (next) next.disabled = next.textContent === "Next step" && oneStep.disabled;
  };

  const draw = () => {
    const step = props.value;
    if (!step?.phases) return;
    const heading = make("p", "stepper-head", `Step ${step.number.toLocaleString("en")}, a batch of ${step.batch} images`);
    const next = make("button", "stepper-next", phase < step.phases.length - 1 ? "Next phase" : "Next step");
    next.type = "button";
    next.addEventListener("click", () => {
      if (phase < step.phases.length - 1) {
        phase++;
        draw();
        box.querySelector(".stepper-next").focus();
      } else {
        asked = true;
        oneStep.click();
      }
    });
    const cards = make("ol", "phases");
    step.phases.forEach((part, i) => cards.append(card(step, part, i)));
    heading.append(next);
    box.replaceChildren(heading, cards);
    light();
    element.dataset.phase = step.phases[phase].name;
  };

  const card = (step, part, i) => {
    const item = make("li", "phase");
    item.dataset.state = i < phase ? "past" : i === phase ? "now" : "next";
    if (i === phase) item.setAttribute("aria-current", "step");
    item.append(make("h4", "", `${i + 1}. ${part.title}`), make("p", "", part.words));
    if (i > phase) return item;
    const table = make("table", "");
    for (const [name, before, value] of part.numbers) {
      const row = make("tr", "");
      row.append(make("th", "", name), make("td", "", before ? `${before} → ${value}` : value));
      table.append(row);
    }
    item.append(table);
    const rows = { encode: [step.images], decode: [step.images, step.reconstructions], generator: [step.reconstructions, step.updated] };
    const captions = { encode: "x", decode: "x above x̂", generator: "x̂ before, above x̂ after" };
    if (rows[part.name]) {
      const canvas = make("canvas", "");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Images of the batch: ${captions[part.name]}`);
      tiles(canvas, Uint8Array.from(rows[part.name].map(atob).join(""), (c) => c.charCodeAt(0)), step.count);
      item.append(canvas, make("p", "caption", captions[part.name]));
    }
    return item;
  };

  const update = () => {
    phase = 0;
    draw();
    if (asked) box.querySelector(".stepper-next").focus();
    asked = false;
  };
  new MutationObserver(light).observe(oneStep, { attributeFilter: ["disabled"] });
  watch("value", update);
  update();
}

// An element with text, set as text.
function make(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
