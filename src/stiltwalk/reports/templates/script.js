"use strict";
const byId = (id) => document.getElementById(id);
const views = {};

// Read before drawing: the choices a browser restored after a reload win over the defaults.
function chosen(key, id) {
  for (const select of document.querySelectorAll("select[data-key=" + key + "]")) {
    if (select.dataset.drives.split(" ").includes(id)) return select.value;
  }
  return null;
}

async function draw(block) {
  const id = block.id.slice("spec-".length);
  const spec = JSON.parse(block.textContent);
  if (spec.usermeta && innerWidth > 1100) spec.width = spec.usermeta.wide;
  const options = {
    renderer: "svg", ast: true, downloadFileName: "stiltwalk-" + id,
    actions: {export: true, source: false, compiled: false, editor: false},
  };
  const result = await vegaEmbed(byId(id).querySelector(".plot"), spec, options);
  views[id] = result.view;
  for (const key of ["arm", "task", "curve"]) {
    const value = chosen(key, id);
    if (value !== null) await apply(id, key, value);
  }
}

async function apply(id, key, value) {
  const part = byId(id);
  if (!part) return;
  if (part.tagName === "TABLE") {
    for (const row of part.tBodies[0].rows) row.hidden = row.dataset[key] !== value;
    return;
  }
  part.hidden = part.dataset.notFor === value;
  if (views[id]) await views[id].signal(key, value).runAsync();
}

for (const select of document.querySelectorAll("select[data-drives]")) {
  const change = () => {
    for (const id of select.dataset.drives.split(" ")) apply(id, select.dataset.key, select.value);
  };
  select.addEventListener("change", change);
  change();
}

function sortBy(table, column, heading) {
  const down = heading.getAttribute("aria-sort") !== "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const order = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
    return (typeof x === "number" ? x - y : x.localeCompare(y)) * (down ? -1 : 1);
  };
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, column, heading));
    heading.append(button);
  });
}

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("main details:not([open])")].filter((d) => !d.closest(".plot"));
  for (const each of closed) each.open = true;
});
addEventListener("afterprint", () => { for (const each of closed) each.open = false; });

Promise.all([...document.querySelectorAll("script[id^=spec-]")].map(draw))
  .then(() => { document.documentElement.dataset.drawn = "yes"; });
