/* Warns before typed work is lost. */
import { text } from "./texts.js";

function snapshot(form) {
  return JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value instanceof File ? value.name : value]));
}

export function startUnsaved(form) {
  const state = form.querySelector("[data-dirty]");
  const before = snapshot(form);
  const tried = document.querySelector("[data-problems]") !== null;
  let leaving = false;
  const dirty = () => tried || snapshot(form) !== before;
  const show = () => {
    state.textContent = dirty() ? text("unsaved") : "";
  };
  form.addEventListener("input", show);
  form.addEventListener("change", show);
  form.addEventListener("submit", () => {
    leaving = true;
  });
  addEventListener("beforeunload", (event) => {
    if (!leaving && dirty()) event.preventDefault();
  });
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && ["s", "Enter"].includes(event.key)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector('[type="submit"]'));
    }
  });
}
