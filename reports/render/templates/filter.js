"use strict";
// A filter for each long table, and what is folded opens when a link leads into it. Without this
// script everything is there, too.
for (const table of document.querySelectorAll("table[data-filter]")) {
  const rows = Array.from(table.tBodies[0].rows);
  if (rows.length < 8) continue;
  const label = document.createElement("label");
  label.className = "filter";
  label.append("Only rows with");
  const input = document.createElement("input");
  input.type = "search";
  const count = document.createElement("span");
  count.setAttribute("role", "status");
  count.className = "soft";
  label.append(input, " ", count);
  table.parentElement.before(label);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) left += 1;
    }
    count.textContent = words.length ? left + " of " + rows.length : "";
  });
}
const open = () => {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = place; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (place) place.scrollIntoView();
};
addEventListener("hashchange", open);
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
});
if (location.hash) open();
