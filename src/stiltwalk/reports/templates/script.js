"use strict";
const byId = (id) => document.getElementById(id);
const views = {};
const isDark = matchMedia("(prefers-color-scheme: dark)");

// Read before drawing: the choices a browser restored after a reload win over the defaults.
function chosen(key, id) {
  for (const select of document.querySelectorAll("select[data-key=" + key + "]")) {
    if (select.dataset.drives.split(" ").includes(id)) return select.value;
  }
  return null;
}

async function draw(block) {
  const id = block.id.slice("spec-".length);
  const {wide, dark} = JSON.parse(block.textContent).usermeta;
  const text = block.textContent.replace(/(?<=")#[0-9a-f]{6}(?=")/g,
    (colour) => (isDark.matches && dark[colour]) || colour);
  const spec = JSON.parse(text);
  if (innerWidth > 1100) spec.width = wide;
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
    for (const row of part.tBodies[0].rows) row.hidden = value !== "every one" && row.dataset[key] !== value;
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

// Details are open where there is room, and wherever a link leads into one.
const parts = document.querySelectorAll("details.part");
if (innerWidth > 900) for (const each of parts) each.open = true;
function reveal() {
  const part = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  for (let each = part && (part.querySelector(":scope > details.part") || part); each; each = each.parentElement) {
    if (each.tagName === "DETAILS") each.open = true;
  }
  if (part) part.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();

// A table that is wider than the screen says so, until its end is seen.
function hint(box) {
  const beyond = box.scrollWidth - box.clientWidth;
  box.classList.toggle("wide", beyond > 4);
  box.classList.toggle("more", beyond - box.scrollLeft > 4);
}
const watch = new ResizeObserver((seen) => { for (const each of seen) hint(each.target); });
for (const box of document.querySelectorAll(".scroll")) {
  box.addEventListener("scroll", () => hint(box), {passive: true});
  watch.observe(box);
}

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("main details:not([open])")].filter((d) => !d.closest(".plot"));
  for (const each of closed) each.open = true;
});
addEventListener("afterprint", () => { for (const each of closed) each.open = false; });

const drawAll = () => Promise.all([...document.querySelectorAll("script[id^=spec-]")].map(draw));
isDark.addEventListener("change", drawAll);
drawAll().then(() => { document.documentElement.dataset.drawn = "yes"; });
