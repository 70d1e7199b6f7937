// A sheet of 32x32 images on one canvas, row by row: what the networks will see.

export function mount({ element, props, watch }) {
  const canvas = element.querySelector("canvas");
  const update = () => {
    const { images = "", columns = 1 } = props.value ?? {};
    const grey = Uint8Array.from(atob(images), (character) => character.charCodeAt(0));
    const count = grey.length / 1024;
    canvas.hidden = !count;
    if (!count) return;
    canvas.width = 34 * Math.min(columns, count) - 2;
    canvas.height = 34 * Math.ceil(count / columns) - 2;
    canvas.style.maxWidth = `${2 * canvas.width}px`;
    const context = canvas.getContext("2d");
    for (let n = 0; n < count; n++) {
      const image = context.createImageData(32, 32);
      for (let i = 0; i < 1024; i++) image.data.fill(grey[1024 * n + i], 4 * i, 4 * i + 3).fill(255, 4 * i + 3, 4 * i + 4);
      context.putImageData(image, 34 * (n % columns), 34 * Math.floor(n / columns));
    }
  };
  watch("value", update);
  update();
}
