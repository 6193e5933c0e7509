"use strict";
// A click on the head of a column sorts the table by it; a second click reverses the order.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const isText = head.classList.contains("word"), falling = head.ariaSort ? head.ariaSort === "ascending" : !isText;
      const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const compare = isText ? (a, b) => value(a).localeCompare(value(b)) : (a, b) => value(a) - value(b);
      const isMissing = row => !isText && value(row) === "";  // a dash, last in both orders
      const rows = [...body.rows].sort((a, b) => isMissing(a) - isMissing(b) || (falling ? compare(b, a) : compare(a, b)));
      for (const other of heads) other.removeAttribute("aria-sort");
      head.ariaSort = falling ? "descending" : "ascending";
      body.append(...rows);
    });
  });
}
