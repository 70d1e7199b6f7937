// Hands a file to the browser as soon as its address arrives, and leaves a link to it. Text is set as text.

export function mount({ element, props, watch }) {
  const link = element.querySelector("a");
  const update = () => {
    const { url, name, about = "" } = props.value ?? {};
    link.hidden = !url;
    if (!url) return;
    link.href = new URL(url, document.baseURI);
    link.download = name;
    link.textContent = name;
    element.querySelector("span").textContent = about;
  };
  watch("value", () => {
    update();
    if (props.value?.url) link.click();
  });
  update();
}
