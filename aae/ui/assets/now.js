// The decoded image once more, beside a board that may be far from it on the page.

// The function that brings it up to date; it copies what digit.js has painted.
export function now(element) {
  const context = element.querySelector(".now canvas").getContext("2d");
  return () => {
    const decoded = document.getElementById("decoded");
    if (decoded) context.drawImage(decoded, 0, 0);
  };
}
