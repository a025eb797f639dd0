/* The fixed texts that scripts show; the page carries them in the reader's language. */
export function text(name, values = {}) {
  const found = document.getElementById("texts")?.dataset[name] ?? "";
  return found.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/* Shows a short message in the corner. */
export function toast(message) {
  const note = document.getElementById("toast-plain").content.firstElementChild.cloneNode(true);
  note.querySelector("p").textContent = message;
  document.getElementById("toasts").append(note);
}

/* A copy of an icon of the sprite that the page already uses. */
export function icon(name) {
  const known = document.querySelector("svg.icon use").getAttribute("href").split("#")[0];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${known}#${name}`);
  svg.append(use);
  return svg;
}

export function debounce(work, wait) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), wait);
  };
}
