/* A small editor over a textarea: bold, italic, lists, links. */
import { text } from "./texts.js";

const ALLOWED = new Set(["B", "STRONG", "I", "EM", "U", "UL", "OL", "LI", "A", "P", "BR", "DIV"]);
const SAFE_ADDRESS = /^(https?:|mailto:|tel:|\/)/i;

/* A copy of the node that holds nothing but the elements the editor knows. */
function clean(node) {
  const kept = document.createDocumentFragment();
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) kept.append(child.data);
    if (child.nodeType !== Node.ELEMENT_NODE || ["SCRIPT", "STYLE"].includes(child.tagName)) continue;
    const inside = clean(child);
    if (!ALLOWED.has(child.tagName)) {
      kept.append(inside);
      continue;
    }
    const copy = document.createElement(child.tagName);
    const address = child.getAttribute("href") ?? "";
    if (child.tagName === "A" && SAFE_ADDRESS.test(address)) copy.setAttribute("href", address);
    copy.append(inside);
    kept.append(copy);
  }
  return kept;
}

function run(command) {
  if (command !== "link") {
    document.execCommand("styleWithCSS", false, "false");
    document.execCommand(command);
    return;
  }
  const address = prompt(text("address"), "https://");
  if (address && SAFE_ADDRESS.test(address)) document.execCommand("createLink", false, address);
}

function showState(bar) {
  for (const button of bar.querySelectorAll("[data-command]:not([data-command=link])")) {
    button.setAttribute("aria-pressed", String(document.queryCommandState(button.dataset.command)));
  }
}

function startOne(box) {
  const area = box.querySelector("textarea");
  const bar = box.querySelector(".rich-tools");
  const pad = document.createElement("div");
  const label = document.getElementById(`l-${area.name}`);
  pad.contentEditable = String(!area.readOnly);
  pad.setAttribute("role", "textbox");
  pad.setAttribute("aria-multiline", "true");
  pad.setAttribute("aria-labelledby", label?.id ?? "");
  const fill = () => pad.replaceChildren(clean(new DOMParser().parseFromString(area.value, "text/html").body));
  fill();
  area.addEventListener("refill", fill);
  area.hidden = true;
  bar.hidden = false;
  box.append(pad);
  const save = () => {
    const holder = document.createElement("div");
    holder.append(clean(pad));
    area.value = pad.textContent.trim() ? holder.innerHTML : "";
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  pad.addEventListener("input", (event) => {
    event.stopPropagation();
    save();
  });
  pad.addEventListener("keyup", () => showState(bar));
  pad.addEventListener("pointerup", () => showState(bar));
  pad.addEventListener("paste", (event) => {
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
  bar.addEventListener("pointerdown", (event) => event.preventDefault());
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-command]");
    if (!button) return;
    pad.focus();
    run(button.dataset.command);
    showState(bar);
    save();
  });
  label?.addEventListener("click", () => pad.focus());
}

export function startRich(root) {
  for (const box of root.querySelectorAll("[data-rich]")) {
    if (!box.querySelector("[contenteditable]")) startOne(box);
  }
}
