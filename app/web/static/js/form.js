/* Forms and dialogs that ask: brings their controls to life. */
import { startChildren } from "./children.js";
import { startConditions } from "./conditions.js";
import { startFiles } from "./files.js";
import { startRich } from "./rich.js";
import { startSelects } from "./select.js";
import { startSignatures } from "./signature.js";
import { reveal } from "./tabs.js";
import { text, toast } from "./texts.js";
import { startUnsaved } from "./unsaved.js";

function startControls(root) {
  startSelects(root);
  startRich(root);
  startFiles(root);
  startSignatures(root);
}

function takeTheirs(button) {
  const offer = button.closest("[data-theirs]");
  const field = offer.closest("[data-field]");
  const control = field.querySelector(`[id="f-${CSS.escape(field.dataset.field)}"]`);
  const theirs = JSON.parse(offer.dataset.theirs).filter(({ value }) => value);
  const values = theirs.map(({ value }) => value);
  const [first = ""] = values;
  if (control.tomselect) {
    for (const { value, text: shown } of theirs) control.tomselect.addOption({ value, text: shown, hint: "" });
    control.tomselect.setValue(control.multiple ? values : first);
  } else if (control.type === "checkbox") {
    control.checked = first === "true";
  } else if (control.type === "radio") {
    for (const radio of field.querySelectorAll("input[type=radio]")) radio.checked = radio.value === first;
  } else {
    control.value = first;
    control.dispatchEvent(new Event("refill"));
  }
  for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind, { bubbles: true }));
  offer.remove();
  control.focus();
}

function followProblem(event) {
  const link = event.target.closest("[data-problems] a");
  if (!link) return;
  event.preventDefault();
  const control = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (!control) return;
  reveal(control);
  const field = control.closest("[data-field]");
  field.scrollIntoView({ block: "center" });
  if (control.tomselect) control.tomselect.focus();
  else (control.hidden ? field.querySelector("[contenteditable]") : control).focus({ preventScroll: true });
}

function showSecret(button) {
  const input = button.parentElement.querySelector("input");
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
}

function findPosition(button) {
  const input = button.parentElement.querySelector("input");
  const failed = () => toast(text("nowhere"));
  if (!navigator.geolocation) return failed();
  return navigator.geolocation.getCurrentPosition(({ coords }) => {
    input.value = `${coords.latitude.toFixed(6)},${coords.longitude.toFixed(6)}`;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, failed);
}

function onClick(event) {
  const button = event.target.closest("button");
  followProblem(event);
  if (button?.matches("[data-take]")) takeTheirs(button);
  if (button?.parentElement.matches("[data-secret]")) showSecret(button);
  if (button?.parentElement.matches("[data-location]")) findPosition(button);
}

function onInput(event) {
  const pair = event.target.closest("[data-colour]");
  if (pair) {
    const [picker, written] = pair.querySelectorAll("input");
    if (event.target === picker) written.value = picker.value;
    else if (/^#[0-9a-f]{6}$/i.test(written.value)) picker.value = written.value;
  }
  if (event.target.matches("[data-json]")) {
    let fault = "";
    try {
      if (event.target.value.trim()) JSON.parse(event.target.value);
    } catch {
      fault = text("json");
    }
    event.target.classList.toggle("is-invalid", Boolean(fault));
    event.target.title = fault;
  }
}

startControls(document);
document.addEventListener("click", onClick);
document.addEventListener("input", onInput);
const form = document.querySelector("form[data-record]");
if (form) {
  startChildren(form, startControls);
  startConditions(form);
  startUnsaved(form);
  const problems = document.querySelector("[data-problems]");
  const first = form.querySelector(".field:not([hidden]) :is(input:not([type=hidden], [readonly]), textarea:not([readonly]))");
  // On a phone the keyboard would hide the form.
  if (problems) problems.focus();
  else if (matchMedia("(pointer: fine)").matches && !first?.closest(".ts-wrapper") && !first?.tomselect) first?.focus();
}
