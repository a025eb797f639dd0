/* The builder of reports: the server draws it anew after each change; nothing that is being typed is lost. */
import "./charts.js";

const form = document.querySelector("[data-builder]");
const TYPED = "input:not([type=checkbox], [type=radio], [type=hidden]), textarea";
const WAIT = 120;
let kept = { open: [], id: "", value: "" };
let changes = 0;
let sent = 0;
let timer = 0;

/* Each button sends the whole form itself, so that a change before it needs no request of its own. */
function refreshSoon() {
  changes += 1;
  clearTimeout(timer);
  timer = setTimeout(() => form.dispatchEvent(new Event("refresh")), WAIT);
}

function keep() {
  const here = document.activeElement;
  const typed = here?.matches(TYPED) && form.contains(here);
  kept = {
    open: [...form.querySelectorAll("details[id][open]")].map((box) => box.id),
    id: typed ? here.id : "",
    value: typed ? here.value : "",
  };
}

/* What was changed meanwhile is asked for in a moment; an older answer must not take it back. */
function beforeSwap(event) {
  if (sent === changes) keep();
  else event.detail.shouldSwap = false;
}

function restoreTyped() {
  const again = kept.id && document.getElementById(kept.id);
  if (!again || again.value === kept.value) return;
  again.value = kept.value;
  again.addEventListener("blur", () => again.dispatchEvent(new Event("change", { bubbles: true })), { once: true });
}

function moveFocus(body) {
  const key = body.dataset.focus;
  const row = key && body.querySelector(`[data-row="${CSS.escape(key)}"]`);
  const control = row?.matches("button") ? row : row?.querySelector("select, input:not([type=hidden]), button:not(:disabled)");
  control?.focus();
}

function restore() {
  for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
  restoreTyped();
  moveFocus(document.getElementById("builder-body"));
}

form.addEventListener("change", refreshSoon);
form.addEventListener("click", (event) => event.target.closest("[name=do]") && clearTimeout(timer), true);
form.addEventListener("htmx:beforeRequest", () => {
  sent = changes;
});
form.addEventListener("htmx:beforeSwap", beforeSwap);
document.addEventListener("htmx:afterSettle", restore);
