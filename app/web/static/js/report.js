/* A report: its filters; charts.js draws its picture. */
import "./charts.js";
import { startSelects } from "./select.js";

const form = document.querySelector("[data-report-form]");

/* Either a named period or two days: the one that was touched last counts. */
function keepOnePeriod(event) {
  const period = event.target.closest("[data-period]");
  if (!period) return;
  const word = period.querySelector("select");
  const days = [...period.querySelectorAll('input[type="date"]')];
  if (event.target === word) {
    for (const day of days) day.value = word.value ? "" : day.value || day.dataset.shown;
  } else {
    for (const day of days) day.value ||= day.dataset.shown;
    word.value = "";
  }
}

function leaveOutEmpty() {
  for (const item of form.elements) {
    if (item.name && item.value === "") item.disabled = true;
  }
}

form?.addEventListener("change", keepOnePeriod);
form?.addEventListener("submit", leaveOutEmpty);
if (form) startSelects(form);
