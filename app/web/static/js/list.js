/* A list: filters, marks and the bar for marked rows, views. */
import { startSelects } from "./select.js";
import { debounce, text } from "./texts.js";

const form = document.querySelector("[data-filter-form]");
const phone = matchMedia("(max-width: 767px)");

/* The address says several values as a,b and leaves out what is empty. */
function tidyParameters(event) {
  if (event.target !== form) return;
  const data = event.detail.formData;
  for (const name of new Set(data.keys())) {
    const values = data.getAll(name).filter((value) => value !== "");
    data.delete(name);
    if (values.length) data.set(name, values.join(","));
  }
}

function toggleFilters() {
  const panel = document.getElementById("filters");
  if (panel.open) panel.close();
  else if (phone.matches) panel.showModal();
  else panel.show();
  document.querySelector(".tools > [data-filters]").setAttribute("aria-expanded", String(panel.open));
}

function joinRange(event) {
  const range = event.target.closest("[data-range]");
  if (!range) return;
  const [low, high] = [...range.querySelectorAll(".range input")].map((end) => end.value.trim());
  range.querySelector('[type="hidden"]').value = low || high ? `${low}..${high}` : "";
}

function showMarks() {
  const marks = [...document.querySelectorAll('#record-list [name="ids"]')];
  const count = marks.filter((mark) => mark.checked).length;
  const bar = document.getElementById("bulk");
  const all = document.querySelector("[data-mark-all]");
  if (!bar) return;
  bar.hidden = count === 0;
  bar.querySelector("[data-count]").textContent = text("selected", { n: count });
  all.checked = count > 0 && count === marks.length;
  all.indeterminate = count > 0 && count < marks.length;
}

function markAll(checked) {
  for (const mark of document.querySelectorAll('#record-list [name="ids"]')) mark.checked = checked;
  showMarks();
}

function onClick(event) {
  if (event.target.closest("[data-filters]")) toggleFilters();
  if (event.target.closest("[data-unmark]")) markAll(false);
  if (event.target.closest("[data-save-view]")) {
    const dialog = document.getElementById("save-view");
    dialog.querySelector("[data-query-string]").value = document.getElementById("record-list").dataset.queryString;
    dialog.showModal();
  }
}

function onChange(event) {
  joinRange(event);
  if (event.target.matches("[data-submit]")) form.requestSubmit();
  if (event.target.matches("[data-mark-all]")) markAll(event.target.checked);
  else if (event.target.matches('[name="ids"]')) showMarks();
}

function announce(event) {
  if (event.target.id !== "record-list" && event.detail.target?.id !== "record-list") return;
  const summary = document.querySelector("#record-list [data-summary]");
  document.getElementById("list-status").textContent = summary?.textContent ?? "";
}

const searchSoon = debounce(() => form.requestSubmit(), 300);

document.addEventListener("click", onClick);
document.addEventListener("change", onChange);
document.addEventListener("input", (event) => {
  joinRange(event);
  if (event.target.id === "q") searchSoon();
});
document.addEventListener("htmx:configRequest", tidyParameters);
document.addEventListener("htmx:afterSwap", announce);
form?.addEventListener("submit", () => {
  const panel = document.getElementById("filters");
  if (panel?.matches(":modal")) toggleFilters();
});
document.getElementById("filters")?.addEventListener("close", () => {
  document.querySelector(".tools > [data-filters]").setAttribute("aria-expanded", "false");
});
if (document.getElementById("filters")) startSelects(document.getElementById("filters"));
showMarks();
