// Draws the rows in sight and asks the kernel for more; every text becomes a text node.
const ROW = 26; // px, as in grid.css
const TALLEST = 16_000_000; // px; beyond about 33 million Chromium stops scrolling
let grids = 0;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function badge(column, word) {
  const swatch = column.swatches[word] ?? { glyph: "?", label: word, color: "#8f9091", ink: "#111111" };
  const node = make("span", "hl-badge");
  node.style.background = swatch.color;
  node.style.color = swatch.ink;
  const glyph = make("span", "hl-glyph", swatch.glyph);
  glyph.setAttribute("aria-hidden", "true");
  node.append(glyph, make("bdi", "", swatch.label));
  return node;
}

function bar(value) {
  const node = make("span", "hl-bar");
  const track = make("span", "hl-bar-track");
  const fill = make("span", value.over ? "hl-bar-fill hl-over" : "hl-bar-fill");
  fill.style.width = `${100 * value.share}%`;
  track.append(fill);
  if (value.limit !== null) {
    const tick = make("span", "hl-bar-tick");
    tick.style.left = `${100 * value.limit}%`;
    track.append(tick);
  }
  node.append(make("span", "hl-bar-text", value.text), track);
  return node;
}

function fill(td, column, value) {
  td.className = column.kind === "number" ? "hl-number" : "";
  if (column.kind === "badge" && value !== null) td.replaceChildren(badge(column, value));
  else if (column.kind === "bar" && value !== null) td.replaceChildren(bar(value));
  else if (Array.isArray(value)) {
    td.textContent = value[0];
    td.title = value[1];
    return;
  } else td.textContent = value ?? "—";
  td.title = td.textContent;
}

function render({ model, el }) {
  const name = `hl-grid-${grids++}`;
  const root = make("div", "hl-grid");
  const pad = make("div", "hl-grid-pad");
  const table = make("table");
  const body = table.createTBody();
  const status = make("div", "hl-grid-status");
  status.setAttribute("role", "status");
  root.tabIndex = 0;
  root.setAttribute("role", "grid");
  root.append(pad);
  pad.append(table);
  el.append(root, status);

  const total = () => model.get("total");
  const fits = () => Math.max(1, Math.floor((root.clientHeight - ROW - 2) / ROW)) || 1;
  const step = () => Math.min(ROW, TALLEST / Math.max(1, total()));
  const top = () => Math.max(0, Math.min(Math.round(root.scrollTop / step()), total() - fits()));
  const inSight = (place) => place >= top() && place < top() + fits();
  const looked = () => (model.get("active") < 0 ? model.get("sight") : model.get("active"));

  // Where the reader is: a table that grows, or leaves the page for a while, is scrolled back by the browser.
  let held = { scrollTop: 0, place: -1 };
  let [width, height] = [0, 0];

  function scrollTo(scrollTop, place = -1) {
    held = { scrollTop, place };
    root.scrollTop = scrollTop;
  }

  function drawHead() {
    const [by, descending] = model.get("sort");
    const columns = model.get("columns");
    const focused = [...(table.tHead?.querySelectorAll("button") ?? [])].indexOf(document.activeElement);
    table.deleteTHead();
    table.querySelector("colgroup")?.remove();
    const widths = make("colgroup");
    const row = table.createTHead().insertRow();
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", "1");
    for (const column of columns) {
      const width = make("col");
      width.style.width = `${column.width}ch`;
      widths.append(width);
      const th = make("th", column.kind === "number" ? "hl-number" : "");
      th.scope = "col";
      th.setAttribute("role", "columnheader");
      const order = by === column.name ? (descending ? "descending" : "ascending") : "none";
      th.setAttribute("aria-sort", order);
      const button = make("button");
      button.append(make("span", "hl-title", column.title));
      button.title = `${column.title}: sort by ${column.name}`;
      if (order !== "none") button.append(make("span", "hl-sort", descending ? "▼" : "▲"));
      button.onclick = () => {
        scrollTo(0);
        model.set("first", 0);
        model.set("sort", [column.name, by === column.name ? !descending : column.kind !== "text"]);
        model.save_changes();
      };
      th.append(button);
      row.append(th);
    }
    table.prepend(widths);
    table.style.minWidth = `${columns.reduce((sum, column) => sum + column.width, 0)}ch`;
    if (focused >= 0) table.tHead.querySelectorAll("button")[focused]?.focus();
  }

  // as far as the last row needs it, at any height the table is dragged to
  function stretch() {
    const below = total() - fits();
    pad.style.height = `${below > 0 ? root.clientHeight + below * step() : ROW + total() * ROW}px`;
  }

  function drawBody() {
    stretch();
    const page = model.get("page");
    const columns = model.get("columns");
    const active = model.get("active");
    const selected = new Set(model.get("selected"));
    const first = top();
    const count = Math.min(fits(), total() - first);
    while (body.rows.length > count) body.deleteRow(-1);
    while (body.rows.length < count) body.insertRow();
    for (let k = 0; k < count; k++) {
      const place = first + k;
      const row = body.rows[k];
      const values = page.rows[place - page.first];
      const position = page.positions[place - page.first];
      row.id = `${name}-${place}`;
      row.setAttribute("role", "row");
      row.setAttribute("aria-rowindex", String(place + 2));
      row.setAttribute("aria-selected", String(position !== undefined && selected.has(position)));
      row.className = place === active ? "hl-active" : "";
      row.dataset.place = String(place);
      while (row.cells.length > columns.length) row.deleteCell(-1);
      while (row.cells.length < columns.length) row.insertCell().setAttribute("role", "gridcell");
      columns.forEach((column, i) => fill(row.cells[i], column, values ? values[i] : "…"));
    }
    if (active >= first && active < first + count) root.setAttribute("aria-activedescendant", `${name}-${active}`);
    else root.removeAttribute("aria-activedescendant");
    const missing = first < page.first || first + count > page.first + page.rows.length;
    if (missing) {
      model.set("first", Math.max(0, first - 40));
      model.save_changes();
    }
  }

  // a scroll bar below must not take the room of the last row
  function size() {
    const rows = Math.min(model.get("visible"), Math.max(1, total()));
    const bar = root.scrollWidth > root.clientWidth ? root.offsetHeight - root.clientHeight - 2 : 0;
    root.style.height = `${rows * ROW + ROW + 4 + Math.max(0, bar)}px`;
  }
  function cue() {
    const border = 2;
    root.style.setProperty("--hl-bar", `${Math.max(0, root.offsetWidth - root.clientWidth - border)}px`);
    root.classList.toggle("hl-more", root.scrollLeft + root.clientWidth < root.scrollWidth - 2);
  }

  function draw() {
    root.setAttribute("aria-label", model.get("label"));
    root.setAttribute("aria-rowcount", String(total() + 1));
    root.setAttribute("aria-colcount", String(model.get("columns").length));
    root.setAttribute("aria-multiselectable", String(model.get("multiple")));
    size();
    status.textContent = model.get("status");
    drawBody();
  }

  function show(place) {
    if (place < 0) return;
    if (place < top()) scrollTo(place * step(), place);
    else if (!inSight(place)) scrollTo((place - fits() + 1) * step(), place);
    else held.place = place;
  }

  function go(place) {
    if (!total()) return;
    const wanted = Math.max(0, Math.min(total() - 1, place));
    model.set("active", wanted);
    model.save_changes();
    show(wanted);
    drawBody();
  }

  const moves = {
    ArrowDown: (at) => at + 1,
    ArrowUp: (at) => at - 1,
    PageDown: (at) => at + fits(),
    PageUp: (at) => at - fits(),
    Home: () => 0,
    End: () => total() - 1,
  };
  root.addEventListener("keydown", (event) => {
    if (event.target !== root || event.ctrlKey || event.metaKey || event.altKey) return;
    const active = model.get("active");
    if (moves[event.key]) go(moves[event.key](active));
    else if (event.key === "Enter" && active >= 0) model.send({ open: active });
    else if (event.key === " " && active >= 0) model.send({ toggle: active });
    else return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab moves to another cell
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (!row) return;
    root.focus({ preventScroll: true });
    go(Number(row.dataset.place));
    if (model.get("multiple")) model.send({ toggle: Number(row.dataset.place) });
  });
  body.addEventListener("dblclick", (event) => {
    const row = event.target.closest("tr");
    if (row && !model.get("multiple")) model.send({ open: Number(row.dataset.place) });
  });
  let frame = 0;
  let atEnd = true;
  root.addEventListener("scroll", () => {
    atEnd = root.scrollTop + root.clientHeight >= root.scrollHeight - 2 * ROW;
    // only what a reader scrolls: a change of size tells of itself below
    const sized = root.clientWidth === width && root.clientHeight === height;
    if (sized) held = { scrollTop: root.scrollTop, place: inSight(looked()) ? looked() : -1 };
    cue();
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(drawBody);
  });

  const drawAll = () => {
    drawHead();
    draw();
  };
  const drawSight = () => {
    show(looked());
    drawBody();
  };
  const listeners = {
    "change:columns change:sort": drawAll,
    "change:page change:total change:selected change:label change:status change:visible": draw,
    "change:active change:sight": drawSight,
    "msg:custom": (message) => {
      if (message.focus) root.focus();
      if (message.end && atEnd && model.get("active") < 0) scrollTo(root.scrollHeight);
    },
  };
  for (const [events, listener] of Object.entries(listeners)) model.on(events, listener);
  const resized = new ResizeObserver(() => {
    if (width !== root.clientWidth) size(); // but a height dragged by hand stays
    [width, height] = [root.clientWidth, root.clientHeight];
    stretch();
    root.scrollTop = held.scrollTop;
    show(held.place);
    cue();
    drawBody();
  });
  resized.observe(root);
  drawAll();
  requestAnimationFrame(drawSight);
  return () => {
    resized.disconnect();
    for (const [events, listener] of Object.entries(listeners)) model.off(events, listener);
  };
}

export default { render };
