/* Selects with search: Tom Select, with rows found by the server where there are many. */
import { formData } from "./conditions.js";
import { text } from "./texts.js";

/* What the form holds so far; of a row inside it, the row. */
function filling(select) {
  const row = select.closest("[data-row]");
  const start = row ? `${row.dataset.row}.` : "";
  return [...formData(select.form)].filter(([name]) => name.startsWith(start)).map(([name, value]) => [name.slice(start.length), value]);
}

/* What is typed travels in the body: addresses stand in the logs of servers and proxies. */
function lookup(select) {
  const { lookup: address, posts } = select.dataset;
  return function load(query, done) {
    const url = new URL(address, location.href);
    const body = new URLSearchParams({ q: query, csrf_token: document.querySelector('[name="csrf_token"]')?.value ?? "" });
    if ("form" in select.dataset) for (const [name, value] of filling(select)) if (name !== "csrf_token") body.append(name, value);
    if (posts === undefined) url.searchParams.set("q", query);
    fetch(url, { ...(posts !== undefined && { method: "POST", body }), headers: { Accept: "application/json" }, credentials: "same-origin" })
      .then((answer) => answer.json())
      .then((found) => {
        this.note = found.note ?? found.message;
        return found.results ?? [];
      })
      .then((rows) => done(rows.map((row) => ({ value: String(row.id), text: row.text, hint: row.hint ?? "" }))))
      .catch(() => done());
  };
}

function settings(select) {
  const many = select.multiple;
  const inDialog = select.closest("dialog");
  const made = {
    maxOptions: 200,
    hidePlaceholder: true,
    placeholder: select.dataset.placeholder ?? "",
    plugins: many ? { remove_button: { title: text("remove") } } : { clear_button: { title: text("clear"), tabindex: -1 } },
    create: "create" in select.dataset,
    persist: false,
    searchField: ["text", "hint"],
    dropdownParent: !inDialog && select.closest(".children") ? "body" : null,
    render: {
      option: (row, escape) => `<div>${escape(row.text)}${row.hint ? `<small>${escape(row.hint)}</small>` : ""}</div>`,
      item: (row, escape) => `<div>${escape(row.text)}</div>`,
      no_results() {
        return Object.assign(document.createElement("div"), { className: "no-results", textContent: this.note ?? text("none") });
      },
      option_create: (row, escape) => `<div class="create">${escape(text("create"))} <b>${escape(row.input)}</b></div>`,
    },
  };
  if (select.dataset.lookup) {
    // The server finds by pinyin and number too, so what it sends is shown as it comes.
    Object.assign(made, { load: lookup(select), preload: "focus", loadThrottle: 180, refreshThrottle: 0, searchField: [] });
    made.score = () => () => 1;
    made.onType = function forget() {
      this.clearOptions((option) => this.items.includes(String(option.value)));
    };
  }
  return made;
}

/* Enter in a half-typed select belongs to the select, never to the form. When the answer of
   the server is still under way, the first row of it is taken. */
function keepEnter(event, made) {
  if (event.key !== "Enter" || !event.target.closest(".ts-control")) {
    made.takeFirst = false;
    return;
  }
  event.preventDefault();
  made.takeFirst = made.settings.load && made.inputValue() !== "" && !made.activeOption;
}

function afterLoad(made) {
  if (!made.takeFirst) return;
  made.takeFirst = false;
  const first = made.dropdown_content.querySelector("[data-selectable]");
  if (first) made.onOptionSelect(new Event("pick"), first);
}

export function startSelects(root) {
  for (const select of root.querySelectorAll("select[data-select]")) {
    if (select.tomselect || select.closest("template")) continue;
    const made = new window.TomSelect(select, settings(select));
    made.wrapper.addEventListener("keydown", (event) => keepEnter(event, made), true);
    select.setAttribute("aria-hidden", "true");
    for (const name of ["aria-required", "aria-invalid", "aria-describedby"]) {
      if (select.hasAttribute(name)) made.control_input.setAttribute(name, select.getAttribute(name));
    }
    made.on("load", () => afterLoad(made));
  }
}
