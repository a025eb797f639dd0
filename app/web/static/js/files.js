/* What a file control holds already, each with a box to remove it. */
import { text } from "./texts.js";

function current(box) {
  const value = box.dataset.current;
  if (!value) return [];
  try {
    const parsed = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : [parsed];
  } catch {
    return [{ id: value, name: value.split("/").at(-1), url: value }];
  }
}

function line(box, file) {
  const item = document.createElement("li");
  const link = Object.assign(document.createElement("a"), { href: file.url, textContent: file.name });
  const label = document.createElement("label");
  const remove = Object.assign(document.createElement("input"), { type: "checkbox", className: "tick", name: `${box.dataset.name}.remove`, value: file.id });
  label.append(remove, text("remove"));
  if ("images" in box.dataset || "sign" in box.dataset) {
    item.append(Object.assign(document.createElement("img"), { src: file.url, alt: "" }));
  }
  item.append(link, label);
  return item;
}

export function startFiles(root) {
  for (const box of root.querySelectorAll("[data-current]")) {
    const list = box.querySelector(".filelist");
    if (!list.children.length) list.append(...current(box).map((file) => line(box, file)));
  }
}
