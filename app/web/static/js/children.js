/* Rows inside a form: added from a template, removed with a mark for those already saved. */

function add(box, start) {
  const html = box.querySelector("template");
  const row = html.content.firstElementChild.cloneNode(true);
  const next = Number(box.dataset.next ?? box.querySelectorAll("tbody tr").length);
  box.dataset.next = next + 1;
  for (const element of [row, ...row.querySelectorAll("*")]) {
    for (const attribute of [...element.attributes]) {
      if (attribute.value.includes("__new__")) element.setAttribute(attribute.name, attribute.value.replaceAll("__new__", next));
    }
  }
  box.querySelector("tbody").append(row);
  start(row);
  row.querySelector("input:not([type=hidden]), select, textarea")?.focus();
}

function remove(row) {
  const box = row.closest("[data-children]");
  const saved = row.querySelector(`[name="${CSS.escape(`${row.dataset.row}.id`)}"]`)?.value;
  if (saved) {
    row.append(Object.assign(document.createElement("input"), { type: "hidden", name: `${row.dataset.row}.removed`, value: "1" }));
    row.hidden = true;
  } else {
    row.remove();
  }
  box.dispatchEvent(new Event("change", { bubbles: true }));
  (box.querySelector("tbody tr:not([hidden]) [data-remove]") ?? box.querySelector("[data-add]")).focus();
}

export function startChildren(root, start) {
  root.addEventListener("click", (event) => {
    const adder = event.target.closest("[data-add]");
    if (adder) add(adder.closest("[data-children]"), start);
    const remover = event.target.closest("[data-remove]");
    if (remover) remove(remover.closest("tr"));
  });
}
