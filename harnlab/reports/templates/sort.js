// Tables are sorted where they stand; without this script they are plain tables.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const keys = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
  const order = (column, numeric, sign) => (one, other) => {
    const [a, b] = [keys(one, column), keys(other, column)];
    if (a === "" || b === "") return (a === "") - (b === "");  // what is not recorded comes last either way
    return sign * (numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].sort(order(column, head.classList.contains("n"), up ? 1 : -1));
      body.append(...rows);
    });
  });
}
