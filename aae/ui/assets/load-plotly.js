// Plotly, fetched and run once, when a figure first needs it.

import { aae } from "./state.js";

const PATIENCE = 1000; // ms, where no image is to be drawn

let loading = null;

// Running it takes the page's thread for half a second: the image that follows the sliders is painted first.
export function loadPlotly() {
  const painted = aae.drawn.then(() => new Promise(requestAnimationFrame));
  return (loading ??= Promise.race([painted, new Promise((done) => setTimeout(done, PATIENCE))]).then(run));
}

function run() {
  return new Promise((loaded, failed) => {
    const script = document.createElement("script");
    script.src = new URL("./plotly.min.js", import.meta.url);
    script.onload = () => loaded(window.Plotly);
    script.onerror = () => failed(new Error("Plotly could not be fetched: there are no plots"));
    document.head.append(script);
  });
}
