// Draws a chart with the page's one Vega and tells the kernel which row of its data was clicked.
// The specification is evaluated by Vega's interpreter, never compiled to code; tooltips are text nodes; nothing is fetched.
const SHARED = Symbol.for("harnlab.vega");
const PATIENCE_MS = 60_000;

function vega() {
  const slot = (globalThis[SHARED] ??= {});
  slot.ready ??= new Promise((resolve) => (slot.resolve = resolve));
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error("Vega did not load; run the cell again")), PATIENCE_MS));
  return Promise.race([slot.ready, late]);
}

const refused = () => Promise.reject(new Error("a chart of a log loads nothing"));
const loader = { load: refused, sanitize: refused, http: refused, file: refused };

function make(tag, className, parent) {
  const node = document.createElement(tag);
  node.className = className;
  parent.append(node);
  return node;
}

function tooltipOf(box) {
  return (_handler, event, _item, value) => {
    box.hidden = value === null || value === undefined || value === "";
    if (box.hidden) return;
    const pairs = typeof value === "object" ? Object.entries(value) : [["", value]];
    box.replaceChildren(...pairs.map(([name, told]) => {
      const line = document.createElement("div");
      line.textContent = name ? `${name}: ${told}` : String(told);
      return line;
    }));
    const left = Math.min(event.clientX + 12, innerWidth - box.offsetWidth - 4);
    box.style.left = `${Math.max(0, left)}px`;
    box.style.top = `${event.clientY + 14}px`;
  };
}

const rowOf = (node) => {
  const row = node?.__data__?.datum?.hl_row;
  return Number.isInteger(row) ? row : null;
};

function size(node) {
  if (!node) return -1;
  const { width, height } = node.getBBox();
  return width * height;
}

function nearest(marks, from, key) {
  const at = (node) => {
    const box = node.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const [x, y] = at(from);
  const [across, sign] = { ArrowLeft: [true, -1], ArrowRight: [true, 1], ArrowUp: [false, -1], ArrowDown: [false, 1] }[key];
  let best = null;
  let shortest = Infinity;
  for (const mark of marks) {
    const [mx, my] = at(mark);
    const ahead = sign * (across ? mx - x : my - y);
    const aside = Math.abs(across ? my - y : mx - x);
    if (mark !== from && ahead > 1 && ahead + 3 * aside < shortest) [best, shortest] = [mark, ahead + 3 * aside];
  }
  return best;
}

function render({ model, el }) {
  const root = make("div", "hl-live", el);
  const drawn = make("div", "hl-live-chart", root);
  const foot = make("div", "hl-live-foot", root);
  const told = make("span", "hl-live-told", foot);
  const clear = make("button", "hl-live-clear", foot);
  const box = make("div", "hl-live-tooltip", document.body);
  let view = null;
  let marks = []; // one for each row that can be clicked
  let drawing = 0;
  root.setAttribute("role", "group");
  told.setAttribute("role", "status");
  clear.type = "button";
  clear.textContent = "Pick none";
  box.hidden = true;

  const pick = (row) => model.send({ row });

  function mark() {
    const lit = new Set(model.get("lit"));
    const held = marks.find((node) => node.tabIndex === 0);
    const widest = new Map(); // what is drawn of a row in several layers is one button, the one best seen; a frame hides nothing of its bar
    for (const node of drawn.querySelectorAll("svg :is([role='graphics-symbol'], .hl-live-mark)")) {
      const row = rowOf(node);
      if (row === null) continue;
      node.classList.add("hl-live-mark");
      node.classList.toggle("hl-dim", lit.size > 0 && !lit.has(row));
      node.classList.toggle("hl-lit", lit.has(row));
      if (node.tagName !== "text" && size(node) > 1.01 * size(widest.get(row))) widest.set(row, node);
    }
    marks = [...widest.values()];
    for (const node of drawn.querySelectorAll(".hl-live-mark[role='button']")) {
      if (!marks.includes(node)) node.removeAttribute("tabindex");
      if (!marks.includes(node)) node.setAttribute("role", "graphics-symbol");
    }
    const entry = marks.find((node) => node === held) ?? marks.find((node) => lit.has(rowOf(node))) ?? marks[0];
    for (const node of marks) {
      node.setAttribute("role", "button");
      node.setAttribute("aria-pressed", String(lit.has(rowOf(node))));
      node.tabIndex = node === entry ? 0 : -1;
    }
    told.textContent = model.get("told");
    clear.disabled = lit.size === 0;
    root.setAttribute("aria-label", model.get("label"));
  }

  async function draw() {
    const turn = ++drawing;
    try {
      const { vegaEmbed } = await vega();
      if (turn !== drawing) return;
      const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, loader, tooltip: tooltipOf(box) };
      view?.finalize();
      const embedded = await vegaEmbed(drawn, structuredClone(model.get("spec")), options);
      view = embedded;
      if (turn !== drawing) return embedded.finalize();
      mark();
    } catch (error) {
      told.textContent = `The chart cannot be drawn: ${error.message}`;
    }
  }

  drawn.addEventListener("click", (event) => {
    const row = rowOf(event.target);
    if (row !== null) pick(row);
  });
  root.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow") && marks.includes(at)) {
      const next = nearest(marks, at, event.key);
      if (next) {
        at.tabIndex = -1;
        next.tabIndex = 0;
        next.focus({ preventScroll: true });
      }
    } else if ([" ", "Enter"].includes(event.key) && marks.includes(at)) pick(rowOf(at));
    else if (event.key === "Escape") pick(null);
    else if (at !== clear || event.key !== "Enter") return;
    if (at !== clear) event.preventDefault();
    event.stopPropagation(); // or JupyterLab leaves the cell
  });
  clear.addEventListener("click", () => pick(null));
  drawn.addEventListener("mouseleave", () => (box.hidden = true));

  model.on("change:spec", draw);
  model.on("change:lit change:told change:label", mark);
  draw();
  return () => {
    model.off("change:spec", draw);
    model.off("change:lit change:told change:label", mark);
    drawing++;
    view?.finalize();
    box.remove();
  };
}

export default { render };
