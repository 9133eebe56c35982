// A slider and a number box for one limit. Only the analyst's hand reports a value, never a change of range.
function make(tag, attributes) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function render({ model, el }) {
  const label = make("label", { class: "hl-dial" });
  const name = make("span", { class: "hl-dial-name" });
  const range = make("input", { type: "range" });
  const box = make("input", { type: "number", class: "hl-dial-box" });
  label.append(name, range);
  el.classList.add("hl-dial-row");
  el.append(label, box);

  function draw() {
    const value = model.get("value");
    name.textContent = model.get("label");
    for (const input of [range, box]) {
      input.min = model.get("least");
      input.step = input === box ? "any" : model.get("step");
      input.setAttribute("aria-label", model.get("label"));
    }
    range.max = model.get("most");
    const stands = value ?? model.get("recorded") ?? model.get("most");
    if (Number(range.value) !== stands) range.value = stands;
    range.classList.toggle("hl-unasked", value === null);
    range.setAttribute("aria-valuetext", value === null ? model.get("told") : String(value));
    box.placeholder = model.get("told");
    const written = value === null ? "" : String(value);
    if (document.activeElement !== box || Number(box.value) !== value) box.value = written;
  }
  function ask(text) {
    const value = Number(text);
    if (text !== "" && (!Number.isFinite(value) || value < model.get("least"))) return;
    model.set("value", text === "" ? null : model.get("whole") ? Math.round(value) : value);
    model.save_changes();
    draw();
  }
  range.addEventListener("input", () => ask(range.value));
  box.addEventListener("input", () => ask(box.value));
  el.addEventListener("keydown", (event) => event.stopPropagation()); // JupyterLab has other uses for arrows
  const events = "change:value change:label change:most change:step change:recorded change:told";
  model.on(events, draw);
  draw();
  return () => model.off(events, draw);
}

export default { render };
