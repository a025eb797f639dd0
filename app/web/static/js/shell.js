/* The shell: menu of phones, theme, search everywhere, menus that close, toasts. */

function toggleMenu(open) {
  const root = document.documentElement;
  root.classList.toggle("menu-open", open);
  const now = root.classList.contains("menu-open");
  document.querySelector("button[data-menu]")?.setAttribute("aria-expanded", String(now));
  document.querySelector(".frame").inert = now;
  if (now) document.querySelector("#side a")?.focus();
  else document.querySelector("button[data-menu]")?.focus();
}

function switchTheme() {
  const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
  document.documentElement.dataset.bsTheme = next;
  try {
    localStorage.setItem("theme", next);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

function openFind() {
  const box = document.querySelector(".find");
  if (!box) return;
  box.classList.add("open");
  document.getElementById("find").focus();
}

function closeFind() {
  document.querySelector(".find")?.classList.remove("open");
  document.getElementById("found")?.replaceChildren();
}

function onClick(event) {
  const target = event.target;
  closeMenus(target.closest("details.menu"));
  if (target.closest("[data-menu]")) toggleMenu();
  if (target.closest("[data-theme-switch]")) switchTheme();
  if (target.closest("[data-find-open]")) openFind();
  else if (!target.closest(".find")) closeFind();
  target.closest("[data-close-toast]")?.closest("[data-toast]").remove();
}

function moveInFound(event) {
  const links = [...document.querySelectorAll("#found a")];
  if (!links.length || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const at = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  event.preventDefault();
  (links[at] ?? document.getElementById("find")).focus();
}

function onKey(event) {
  if (event.target.closest(".find")) moveInFound(event);
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    menu?.querySelector("summary").focus();
    closeMenus(null);
    closeFind();
    if (document.documentElement.classList.contains("menu-open")) toggleMenu(false);
  }
  const typing = event.target.closest("input, textarea, select, [contenteditable], dialog[open]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    openFind();
  }
}

/* Half-typed pinyin is no search: wait until the input method has finished. */
function startInputMethods() {
  document.addEventListener("input", (event) => {
    if (event.isComposing && event.target.matches("[data-live]")) event.stopImmediatePropagation();
  }, true);
  document.addEventListener("compositionend", (event) => {
    if (event.target.matches("[data-live]")) event.target.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/* Good news leaves by itself; warnings and errors stay until they are closed. */
function startToasts() {
  const box = document.getElementById("toasts");
  for (const note of box.querySelectorAll("[data-toast].tone-success, [data-toast].tone-info")) {
    let timer = setTimeout(() => note.remove(), 8000);
    note.addEventListener("pointerenter", () => clearTimeout(timer));
    note.addEventListener("focusin", () => clearTimeout(timer));
    note.addEventListener("pointerleave", () => {
      timer = setTimeout(() => note.remove(), 4000);
    });
  }
}

export function startShell() {
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  startInputMethods();
  startToasts();
  document.querySelector("#side [aria-current]")?.scrollIntoView({ block: "nearest" });
}
