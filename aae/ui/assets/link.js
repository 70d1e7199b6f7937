// The page's address says what it shows: model, z, view, switches, zoom and hidden classes. It is written once z rests, and read when the page opens.

import { aae } from "./state.js";

const NAMES = ["model", "z", "projection", "axes", "show", "zoom", "hide"];
const VIEWS = { PCA: "pca", LDA: "lda", "Worst view": "worst", "Two axes": "axes" };
const TOGGLES = ["follow", "overlay", "field"];
const REST = 400; // ms
const HUB = "https://huggingface.co";
const YOUR_MODEL = "your-model";

const checkbox = (name) => document.querySelector(`#${name} input`);
const rounded = (value) => String(Math.round(value * 1000) / 1000);

// The query of what is shown, or null where no link can open it.
function query() {
  if (!aae.z.length || !aae.model || aae.model === YOUR_MODEL) return null;
  const found = { model: aae.model, z: aae.z.map(rounded).join(",") };
  const view = document.querySelector("#view input:checked")?.value;
  if (view && aae.latentDim > 2) found.projection = VIEWS[view];
  if (found.projection === "axes") found.axes = ["x", "y"].map((axis) => document.querySelector(`#axis-${axis} input`)?.value).join(",");
  const shown = TOGGLES.filter((name) => checkbox(name)?.checked);
  if (shown.length) found.show = shown.join(",");
  const { zoom, hidden } = aae.plotView?.() ?? {};
  if (zoom) found.zoom = zoom.map((value) => value.toFixed(2)).join(",");
  if (hidden) found.hide = hidden.join(",");
  return found;
}

// What stands in the address beside our values stays there; in a link to be passed on, only what is not a session's own.
function addressOf(found, { forOthers = false } = {}) {
  const url = new URL(location.href);
  for (const name of [...url.searchParams.keys()]) {
    if (NAMES.includes(name) || (forOthers && name.startsWith("__"))) url.searchParams.delete(name);
  }
  for (const [name, value] of Object.entries(found ?? {})) url.searchParams.set(name, value);
  if (forOthers) url.hash = "";
  return url.href.replaceAll("%2C", ","); // commas may stand in a query, and are easier to read
}

export function mount({ element, props, watch, trigger }) {
  const note = element.querySelector("p");
  let opening = false; // a link is being opened: the address is not to be touched
  let resting = null;

  const write = () => {
    if (opening) return restSoon();
    const address = addressOf(query());
    if (address !== location.href) history.replaceState(history.state, "", address);
    // The Hub shows a Space in a frame, and takes its query into its own address if it is told.
    if (window.parent !== window && document.referrer.startsWith(HUB)) {
      window.parent.postMessage({ queryString: new URL(address).searchParams.toString(), hash: "" }, HUB);
    }
    aae.linkChanged?.();
  };
  const restSoon = () => {
    clearTimeout(resting);
    resting = setTimeout(write, REST);
  };
  aae.subscribe(restSoon);
  aae.plotViewChanged = restSoon;
  document.addEventListener("change", (event) => event.target.closest("#view, #axis-x, #axis-y, .toggles, #model") && restSoon());
  document.addEventListener("click", (event) => event.target.closest("#axis-x, #axis-y, #model, [role=option]") && restSoon());
  aae.link = () => (query() ? addressOf(query(), { forOthers: true }) : null);

  const opened = async () => {
    const value = props.value;
    if (!value) return;
    note.hidden = !value.problem;
    note.textContent = value.problem ?? "";
    if (value.model) await shown(value);
    opening = false;
  };
  const shown = async ({ model, z, toggles = [], zoom, hidden }) => {
    for (let tries = 0; tries < 100 && !(aae.model === model && aae.z.length); tries++) await new Promise((done) => setTimeout(done, 50));
    if (z && aae.latentDim === z.length) {
      aae.forgetOriginal();
      aae.move(z);
    }
    if (zoom || hidden?.length) aae.showPlotView({ zoom, hidden });
    for (const name of toggles) if (checkbox(name) && !checkbox(name).checked) checkbox(name).click();
  };
  watch("value", opened);

  const given = Object.fromEntries(NAMES.map((name) => [name, new URLSearchParams(location.search).get(name)]).filter(([, value]) => value));
  if (given.model || given.z) {
    opening = true;
    setTimeout(() => (opening = false), 15000); // whatever becomes of the answer
    trigger("linked", { query: given });
  }
}
