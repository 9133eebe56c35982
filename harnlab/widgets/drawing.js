// Draws a tree of elements computed in the kernel. Texts become text nodes; tags and attributes are listed here.
const HTML = new Set(
  "bdi button caption code col div dd dl dt figure figcaption h3 h4 input label li ol p pre section small span strong table tbody td th thead tr ul".split(" "),
);
const SVG = new Set("svg g path line rect circle text title polyline".split(" "));
const ATTRIBUTES = new Set(
  ("class title role tabindex scope colspan rowspan viewBox x y x1 x2 y1 y2 cx cy r d width height points rx " +
    "text-anchor dominant-baseline transform fill stroke stroke-dasharray disabled").split(" "),
);
const COLOR = /^#[0-9a-f]{6}$/i;
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function build(node) {
  if (typeof node === "string") return document.createTextNode(node);
  const [tag, attributes, children] = node;
  const made = SVG.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(HTML.has(tag) ? tag : "span");
  for (const [name, value] of Object.entries(attributes)) {
    if (ATTRIBUTES.has(name) || name.startsWith("aria-") || name.startsWith("data-")) made.setAttribute(name, value);
    else if (name === "paint" && COLOR.test(value)) made.style.backgroundColor = value;
    else if (name === "ink" && COLOR.test(value)) made.style.color = value;
    else if (name === "width_pct") made.style.width = `${Number(value)}%`;
    else if (name === "left_pct") made.style.left = `${Number(value)}%`;
  }
  if (tag === "button") made.type = "button";
  made.append(...children.map(build));
  return made;
}

// Rows of buttons that the arrow keys walk through; Tab enters and leaves them as one.
function rove(box) {
  const buttons = [...box.querySelectorAll("[data-press]")];
  const entry = buttons.find((b) => b.getAttribute("aria-pressed") === "true") ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === entry ? 0 : -1;
}

function walk(button, key) {
  const box = button.closest("[data-roving]");
  if (!box || !ARROWS[key]) return false;
  const rows = [...box.querySelectorAll("[data-row]")].map((row) => [...row.querySelectorAll("[data-press]")]);
  const filled = rows.filter((row) => row.length);
  const y = filled.findIndex((row) => row.includes(button));
  const x = filled[y]?.indexOf(button);
  const [down, right] = ARROWS[key];
  const row = filled[Math.max(0, Math.min(filled.length - 1, y + down))];
  const next = row?.[Math.max(0, Math.min(row.length - 1, x + right))];
  for (const other of box.querySelectorAll("[data-press]")) other.tabIndex = -1;
  if (next) {
    next.tabIndex = 0;
    next.focus();
  }
  return true;
}

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "hl-drawing";
  el.append(root);

  function draw() {
    const held = root.contains(document.activeElement) ? document.activeElement.dataset : {};
    const scrolled = new Map();
    for (const box of root.querySelectorAll("[data-scroll]")) {
      scrolled.set(box.dataset.scroll, [box.scrollLeft, box.scrollTop]);
    }
    root.replaceChildren(...model.get("tree").map(build));
    for (const box of root.querySelectorAll("[data-roving]")) rove(box);
    for (const box of root.querySelectorAll("[data-scroll]")) {
      const [left, top] = scrolled.get(box.dataset.scroll) ?? [0, 0];
      box.scrollTo(left, top);
    }
    if (held.press) root.querySelector(`[data-press="${CSS.escape(held.press)}"]`)?.focus({ preventScroll: true });
    else if (held.focus) root.querySelector(`[data-focus="${CSS.escape(held.focus)}"]`)?.focus({ preventScroll: true });
  }

  const press = (event) => {
    const target = event.target.closest?.("[data-press]");
    if (target && root.contains(target) && !target.disabled) model.send({ press: target.dataset.press });
    return target;
  };
  root.addEventListener("click", press);
  root.addEventListener("keydown", (event) => {
    const target = event.target.closest?.("[data-press]");
    const handled = target
      ? walk(target, event.key) || (target.tagName !== "BUTTON" && ["Enter", " "].includes(event.key) && press(event))
      : false;
    // Enter and the arrows would otherwise leave the cell
    if (handled || target || event.target.dataset?.focus) event.stopPropagation();
    if (handled) event.preventDefault();
  });
  const heard = (message) => {
    if (message.focus) root.querySelector(`[data-focus="${CSS.escape(message.focus)}"]`)?.focus();
  };
  model.on("change:tree", draw);
  model.on("msg:custom", heard);
  draw();
  return () => {
    model.off("change:tree", draw);
    model.off("msg:custom", heard);
  };
}

export default { render };
