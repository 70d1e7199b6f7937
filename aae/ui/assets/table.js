// A table of measures, as Python words them: value, floor and ceiling, where the value lies between the two, and below the name
// what it means. Text is set as text, never as HTML.

export function mount({ element, props, watch }) {
  const table = element.querySelector("table");
  const update = () => {
    const { columns = [], groups = [] } = props.value ?? {};
    table.hidden = !groups.length;
    const head = tag("thead");
    head.append(row(columns.map((text) => cell("th", text, "col"))));
    table.replaceChildren(head, ...groups.map(group));
  };
  const group = ({ title, rows }) => {
    const body = tag("tbody");
    const heading = cell("th", title, "rowgroup");
    heading.colSpan = props.value.columns.length;
    heading.className = "group";
    body.append(row([heading]), ...rows.map(measure));
    return body;
  };
  watch("value", update);
  update();
}

// {name, about, values: one text for each further column, share: 0 at the floor to 1 at the ceiling, or null}
function measure({ name, about, values, share = null }) {
  const first = cell("th", name, "row");
  first.append(tag("small", about));
  const cells = values.map((text) => cell("td", unbroken(text)));
  if (share !== null) {
    const track = tag("span");
    track.className = "track";
    track.setAttribute("role", "img");
    track.setAttribute("aria-label", `${Math.round(share * 100)} % of the way from the floor to the ceiling`);
    const mark = tag("i");
    mark.style.left = `${share * 100}%`;
    track.append(mark);
    cells[0].append(track);
  }
  return row([first, ...cells]);
}

// Where there is no room for it on one line: "0.5594", "± 0.0097", "(p < 0.001)".
function unbroken(text) {
  return text.replace("± ", "±\u00a0").replace("p < ", "p\u00a0<\u00a0").replace("(p ", "(p\u00a0");
}

function row(cells) {
  const made = tag("tr");
  made.append(...cells);
  return made;
}

function cell(kind, text, scope) {
  const made = tag(kind, text);
  if (scope) made.scope = scope;
  return made;
}

function tag(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
