// A progress bar with text. Text is set as text, never as HTML: it may quote what a visitor typed.

export function mount({ element, props, watch }) {
  const box = element.querySelector(".status");
  const bar = element.querySelector("progress");
  const update = () => {
    const { share = null, text = "", state = "idle" } = props.value ?? {};
    box.dataset.state = state;
    bar.hidden = share === null;
    bar.value = share ?? 0;
    element.querySelector("p").textContent = text;
  };
  watch("value", update);
  update();
}
