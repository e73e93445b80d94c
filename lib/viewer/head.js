// One head of attention, cell by cell: arrow keys or the pointer choose a cell of the pattern, and its arithmetic is shown
// term by term: q.k, the scale, the bias, the mask, the softmax of the row, the weighted values. Everything is computed
// again here from the recorded queries, keys and values, and compared with what the program recorded.
(function () {
  "use strict";

  // ---- numbers
  const number = (x) => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : x); // "-inf" as written in JSON
  const numbers = (rows) => rows.map((row) => row.map(number));
  const show = (x) => {
    if (x === -Infinity) return "−∞";
    const text = (Math.abs(x) < 5e-5 ? 0 : x).toFixed(4);
    return text.replace("-", "−");
  };
  const dot = (a, b) => a.reduce((sum, x, c) => sum + x * b[c], 0);
  const largest = (...xs) => xs.flat(2).reduce((m, x) => (Number.isNaN(x) ? Infinity : Math.max(m, Math.abs(x))), 0);

  // All that the page shows of a head, from the recorded q, k, v, scores and masked scores.
  function compute(recorded) {
    const head = { name: recorded.name, queries: recorded.queries, keys: recorded.keys };
    for (const part of ["query", "key", "value", "scores", "masked", "pattern", "output"])
      head[part] = numbers(recorded[part]);
    head.root = Math.sqrt(head.query[0].length);
    head.raw = head.query.map((q) => head.key.map((k) => dot(q, k)));
    head.bias = head.masked.map((row, i) => row.map((m, j) => (m === -Infinity ? 0 : m - head.scores[i][j])));
    head.has_bias = largest(head.bias) > 1e-9;
    head.softmax = head.masked.map((row, i) => {
      const seen = row.map((m, j) => (m === -Infinity ? -Infinity : head.raw[i][j] / head.root + head.bias[i][j]));
      const most = Math.max(...seen);
      const exp = seen.map((s) => (most === -Infinity ? 0 : Math.exp(s - most)));
      const sum = exp.reduce((a, b) => a + b, 0);
      return { seen, most, exp, sum, weight: exp.map((e) => (sum === 0 ? 0 : e / sum)) };
    });
    head.mixed = head.softmax.map((row) =>
      head.value[0].map((_, c) => row.weight.reduce((sum, a, j) => sum + a * head.value[j][c], 0)));
    head.apart = largest(
      head.raw.map((row, i) => row.map((r, j) => r / head.root - head.scores[i][j])),
      head.softmax.map((row, i) => row.weight.map((a, j) => a - head.pattern[i][j])),
      head.mixed.map((row, i) => row.map((y, c) => y - head.output[i][c])));
    return head;
  }

  // ---- elements
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }
  function table(label, heading, rows, chosen) {
    const body = rows.map((row, i) => {
      const cells = row.map((cell, c) => (c === 0 ? make("th", { scope: "row" }, cell) : make("td", {}, cell)));
      return make("tr", i === chosen ? { class: "hv-chosen" } : {}, ...cells);
    });
    const head = heading.map((text) => make("th", { scope: "col" }, text));
    return make("div", { class: "hv-scroll", role: "region", "aria-label": label },
      make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body)));
  }

  // ---- the arithmetic of one cell
  function arithmetic(head, i, j) {
    const q = head.query[i], k = head.key[j], row = head.softmax[i];
    const hidden = head.masked[i][j] === -Infinity;
    const scaled = head.raw[i][j] / head.root;
    const parts = [make("p", { class: "hv-title" }, `“${head.queries[i]}” looks at “${head.keys[j]}”`)];
    const step = (title, ...content) => parts.push(make("p", {}, make("b", {}, title), " ", ...content));

    step("1. Score.", `q · k, divided by √${q.length}: ${show(head.raw[i][j])} / ${show(head.root)} = ${show(scaled)}`);
    parts.push(table("Terms of q times k", ["c", "q", "k", "q × k"],
      q.map((x, c) => [String(c), show(x), show(k[c]), show(x * k[c])]).concat([["sum", "", "", show(head.raw[i][j])]]),
      q.length));
    if (head.has_bias)
      step("Position.", `a bias is added: ${show(scaled)} + (${show(head.bias[i][j])}) = ${show(scaled + head.bias[i][j])}`);
    step("2. Mask.", hidden ? "hidden: the score becomes −∞, so the weight is exactly 0" : "visible: the score stays");
    step("3. Softmax of the row.", row.sum === 0 ? "every key is hidden: the row is zero"
      : `the largest score, ${show(row.most)}, is taken off; each exponential is divided by their sum ${show(row.sum)}`);
    parts.push(table("Softmax of the row", ["key", "score", "exp", "weight"],
      head.keys.map((key, c) => [key, show(row.seen[c]), show(row.exp[c]), show(row.weight[c])]), j));
    step("4. Values.", `weight × v, added over all keys, is what “${head.queries[i]}” gets`);
    const columns = head.value[0].map((_, c) => `v${c}`);
    parts.push(table("Weighted values", ["key", "weight", ...columns],
      head.keys.map((key, c) => [key, show(row.weight[c]), ...head.value[c].map((v) => show(row.weight[c] * v))])
        .concat([["sum", show(row.weight.reduce((a, b) => a + b, 0)), ...head.mixed[i].map(show)]]), j));
    return parts;
  }
  function sentence(head, i, j) {
    const from = `“${head.queries[i]}” looks at “${head.keys[j]}”: `;
    if (head.masked[i][j] === -Infinity) return from + "hidden, weight 0.";
    const weights = head.softmax[i].weight;
    const rank = 1 + weights.filter((a) => a > weights[j]).length;
    return from + `score ${show(head.softmax[i].seen[j])}, weight ${show(weights[j])}, number ${rank} of its row.`;
  }

  // ---- the viewer
  function start(viewer) {
    const data = JSON.parse(viewer.querySelector("script").textContent);
    const heads = data.heads.map(compute);
    const live = make("p", { class: "hv-live", "aria-live": "polite" });
    const detail = make("div", { class: "hv-detail" });
    const place = make("div", { class: "hv-scroll" });
    const trust = make("p", { class: "hv-trust" });
    let head = heads[0], cells = [], at = [head.queries.length - 1, 0];

    function choose(i, j, focus) {
      cells[at[0]][at[1]].tabIndex = -1;
      cells[at[0]][at[1]].removeAttribute("aria-selected");
      at = [i, j];
      cells[i][j].tabIndex = 0;
      cells[i][j].setAttribute("aria-selected", "true");
      if (focus) cells[i][j].focus();
      live.textContent = sentence(head, i, j);
      detail.replaceChildren(...arithmetic(head, i, j));
      for (const block of detail.querySelectorAll(".hv-scroll"))
        if (block.scrollWidth > block.clientWidth) block.tabIndex = 0; // so that it scrolls with the keyboard
    }
    function keys(event) {
      const [i, j] = at, rows = cells.length, columns = cells[0].length;
      const next = { ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1], ArrowUp: [i - 1, j], ArrowDown: [i + 1, j],
                     Home: [i, 0], End: [i, columns - 1] }[event.key];
      if (!next || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (next[0] >= 0 && next[0] < rows && next[1] >= 0 && next[1] < columns) choose(next[0], next[1], true);
    }
    function draw() {
      const numbered = head.keys.length <= 12;
      const heading = head.keys.map((key) => make("th", { scope: "col", role: "columnheader" }, key));
      const corner = make("th", { scope: "col", role: "columnheader" }, "query \\ key");
      cells = head.pattern.map((row, i) => row.map((weight, j) => {
        const hidden = head.masked[i][j] === -Infinity;
        const cell = make("td", { role: "gridcell", tabindex: "-1", class: hidden ? "hv-hidden" : "" });
        if (!hidden) cell.style.setProperty("--hv-weight", weight.toFixed(4));
        if (!hidden && numbered) cell.textContent = weight.toFixed(2);
        else cell.setAttribute("aria-label", hidden ? "hidden" : weight.toFixed(2));
        for (const event of ["pointerenter", "click", "focus"])
          cell.addEventListener(event, () => { if (at[0] !== i || at[1] !== j) choose(i, j, event === "click"); });
        return cell;
      }));
      const rows = cells.map((row, i) =>
        make("tr", { role: "row" }, make("th", { scope: "row", role: "rowheader" }, head.queries[i]), ...row));
      const grid = make("table", { role: "grid", "aria-label": `Pattern of ${head.name}: rows look, columns are looked at` },
        make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, corner, ...heading)),
        make("tbody", { role: "rowgroup" }, ...rows));
      grid.addEventListener("keydown", keys);
      place.replaceChildren(grid);
      const agrees = head.apart < 1e-9, apart = head.apart.toExponential(1).replace("-", "\u2011"); // a hyphen that stays
      trust.dataset.apart = String(head.apart);
      trust.className = agrees ? "hv-trust" : "hv-trust hv-wrong";
      trust.textContent = agrees
        ? `Computed again on this page from q, k and v: at most ${apart} from what the program recorded.`
        : `Computed again on this page from q, k and v, it DIFFERS from what the program recorded, by ${apart}.`;
      at = [Math.min(at[0], cells.length - 1), Math.min(at[1], cells[0].length - 1)];
      choose(at[0], at[1], false);
    }

    const left = make("div", { class: "hv-left" });
    if (heads.length > 1) {
      const select = make("select", {}, ...heads.map((h, i) => make("option", { value: i }, h.name)));
      select.addEventListener("change", () => { head = heads[Number(select.value)]; draw(); });
      left.append(make("p", {}, make("label", {}, "Head ", select)));
    }
    left.append(place, live,
      make("p", { class: "hv-note" }, "Arrow keys or the pointer choose a cell. More colour is more weight; hatched is hidden."), trust);
    viewer.append(make("div", { class: "hv-sides" }, left, detail));
    draw();
  }
  const all = () => document.querySelectorAll(".head-viewer").forEach(start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all);
  else all();
})();
