"use strict";
for (const form of document.querySelectorAll("form.sliders")) {
  const known = JSON.parse(document.getElementById(form.dataset.from).textContent);
  const at = (text) => document.getElementById(text);
  const add = (parent, tag, text = "") => {
    const made = parent.appendChild(document.createElement(tag));
    made.textContent = text;
    return made;
  };
  const slider = (label, max, value, says) => {
    const row = add(form, "label", label + " ");
    const input = add(row, "input");
    const output = add(row, "output");
    Object.assign(input, {type: "range", min: 0, max, step: 1, value});
    const show = () => { output.textContent = says(Number(input.value)); };
    input.addEventListener("input", () => { show(); answer(); });
    show();
    return input;
  };
  const bounds = (system, key, tasks) => {
    const each = tasks.map((task) => (system.costs[task] || {})[key] || [0, null]);
    return [Math.max(...each.map((e) => e[0])), Math.max(...each.map((e) => e[1] ?? Infinity))];
  };
  // The limits that a slider offers lie evenly, as ratios, between the least and the most; its end is any.
  const limit = (key, label, unit, factor) => {
    const found = known.systems.flatMap((s) => Object.values(s.costs).flatMap((c) => c[key] || [])).filter((e) => e > 0);
    if (!found.length) return () => Infinity;
    const [low, high] = [Math.min(...found) / 1.05, Math.max(...found) * 1.05];
    const value = (place) => place === 100 ? Infinity : low * (high / low) ** (place / 99);
    const input = slider(label, 100, 100, (p) => p === 100 ? "any" : (factor * value(p)).toPrecision(3) + " " + unit);
    return () => value(Number(input.value));
  };
  const floors = known.tasks.map((task) => [task, slider(task, 100, 0, (v) => v ? "at least " + v + " %" : "no floor")]);
  const limits = {p95: limit("p95", "p95 latency", "ms", 1e3), memory: limit("memory", "memory", "MB", 1e-6)};
  const box = add(form, "fieldset");
  add(box, "legend", "languages");
  const ticks = known.languages.map((code) => {
    const row = add(box, "label");
    const input = add(row, "input");
    Object.assign(input, {type: "checkbox", checked: true, value: code});
    row.append(" " + code);
    input.addEventListener("change", () => answer());
    return input;
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  // Abramowitz and Stegun 7.1.26: the normal distribution, to 1e-7.
  const below = (z) => {
    const t = 1 / (1 + 0.3275911 * Math.abs(z) / Math.SQRT2);
    const tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp(-z * z / 2) / 2;
    return z > 0 ? 1 - tail : tail;
  };
  const mean = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;

  function judged(system, demands, tasks) {
    const missed = [], open = [], margins = [], missing = [];
    for (const [task, code, floor] of demands) {
      const seeds = (system.scores[task] || {})[code];
      if (!seeds) { open.push(task + " " + code); continue; }
      margins.push(mean(seeds.map((each) => each[0])) - floor);
      if (margins[margins.length - 1] < 0) missed.push(task + " " + code);
      missing.push(seeds.map(([score, error]) => error === null ? NaN : error ? 1 - below((score - floor) / error) : Number(score < floor)));
    }
    for (const [key, most] of Object.entries(limits)) {
      const [low, high] = bounds(system, key, tasks);
      if (low > most()) missed.push(key); else if (most() < Infinity && high > most()) open.push(key);
    }
    const seeds = missing.length ? missing[0].map((_, s) => Math.max(0, 1 - missing.reduce((sum, e) => sum + (e[s] ?? e[0]), 0))) : [];
    return {
      system, missed, open, margin: Math.min(...margins), share: mean(seeds), price: bounds(system, "p50", tasks)[1],
      tail: bounds(system, "p95", tasks), memory: bounds(system, "memory", tasks)[1],
    };
  }

  function answer() {
    const codes = ticks.filter((each) => each.checked).map((each) => each.value);
    const asked = floors.filter(([, input]) => Number(input.value)).map(([task, input]) => [task, Number(input.value) / 100]);
    const tested = (task, code) => known.systems.some((s) => (s.scores[task] || {})[code]);
    const demands = asked.flatMap(([task, floor]) => codes.filter((code) => tested(task, code)).map((code) => [task, code, floor]));
    const body = at("systems").tBodies[0];
    body.replaceChildren();
    if (!demands.length) { at("chosen").textContent = "Move a slider: say how good is good enough."; return; }
    const found = known.systems.map((each) => judged(each, demands, asked.map(([task]) => task)));
    const good = found.filter((each) => !each.missed.length && !each.open.length);
    const least = Math.min(...good.map((each) => each.price));
    const near = good.filter((each) => each.price <= known.equal * least);
    const rank = (one, other) => (other.share || 0) - (one.share || 0) || other.margin - one.margin;
    const chosen = near.sort(rank)[0];
    const number = (value, factor) => Number.isFinite(value) && value > 0 ? (factor * value).toPrecision(3) : "\u2013";
    const order = (each) => each === chosen ? -1 : 100 * each.missed.length + each.open.length;
    for (const each of found.sort((one, other) => order(one) - order(other) || one.price - other.price)) {
      const row = add(body, "tr");
      add(add(row, "th"), "bdi", each.system.name).title = each.system.says;
      const verdict = each.missed.length ? "misses " + each.missed.join(", ") : each.open.length ? "not measured: " + each.open.join(", ") : "meets all";
      const [low, high] = each.tail;
      const tail = [...new Set([number(low, 1e3), number(high, 1e3)])].join(" to ");
      for (const text of [verdict, Number.isFinite(each.margin) ? (100 * each.margin).toFixed(1) : "\u2013", Number.isNaN(each.share) ? "\u2013" : "at least " + (100 * each.share).toFixed(0) + " %", number(each.price, 1e3), tail, number(each.memory, 1e-6)]) add(row, "td", text);
    }
    const said = !chosen ? "No system meets all." : Number.isFinite(chosen.price) ? " is the cheapest that meets all." : " meets all; no such system is timed, so which is cheapest is open.";
    at("chosen").textContent = (chosen ? chosen.system.name : "") + said;
  }
  answer();
}
