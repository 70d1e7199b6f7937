// Whether an element is there to be looked at, so that what nobody sees costs nothing.

// `changed()` is called whenever the answer changes. `selected`: its tab is open; `seen`: and some of it is in the window.
// When the page has dropped the element for good, `gone()`.
export function presence(element, changed, gone = () => {}) {
  const state = { selected: false, seen: false };
  const set = (key, value) => {
    if (state[key] === value) return;
    state[key] = value;
    changed(state);
    if (!element.isConnected) gone();
  };
  new ResizeObserver(() => set("selected", element.clientWidth > 0)).observe(element);
  new IntersectionObserver(([entry]) => set("seen", entry.isIntersecting)).observe(element);
  return state;
}
