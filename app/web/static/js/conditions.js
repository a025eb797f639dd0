/* Fields that show, are required or are read-only depending on what others hold. */
import { debounce } from "./texts.js";

export function formData(form) {
  const data = new FormData(form);
  for (const [name, value] of [...data]) {
    if (value instanceof File || String(value).startsWith("data:image/")) data.delete(name);
  }
  return data;
}

function setReadonly(field, on) {
  for (const input of field.querySelectorAll("input:not([type=hidden]), textarea")) input.readOnly = on;
  for (const part of field.querySelectorAll(":scope > :not(.lbl, .help, .errs-list, .theirs)")) {
    if (!part.matches("input.form-control, textarea")) part.inert = on;
  }
}

function apply(form, rules) {
  const hidden = new Set(rules.hidden);
  const required = new Set(rules.required);
  const readonly = new Set(rules.readonly);
  for (const section of form.querySelectorAll("[data-section]")) section.hidden = hidden.has(section.dataset.section);
  for (const field of form.querySelectorAll("[data-field]")) {
    const name = field.dataset.field;
    field.hidden = hidden.has(name);
    field.classList.toggle("is-required", required.has(name));
    for (const input of field.querySelectorAll(`[id="f-${CSS.escape(name)}"]`)) {
      input.setAttribute("aria-required", String(required.has(name)));
    }
    const was = field.dataset.readonly === "1";
    if (was !== readonly.has(name)) {
      setReadonly(field, readonly.has(name));
      field.dataset.readonly = was ? "" : "1";
    }
  }
}

export function startConditions(form) {
  const url = form.dataset.conditions;
  if (!url) return;
  for (const field of form.querySelectorAll("[data-field]")) {
    field.dataset.readonly = field.querySelector("[readonly], [inert]") ? "1" : "";
  }
  let turn = 0;
  const ask = debounce(async () => {
    const mine = ++turn;
    try {
      const answer = await fetch(url, { method: "POST", body: formData(form), headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.ok && mine === turn) apply(form, await answer.json());
    } catch {
      // The server checks again on saving, so a lost answer costs only comfort.
    }
  }, 200);
  form.addEventListener("change", ask);
  form.addEventListener("input", ask);
}
