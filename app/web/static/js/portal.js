/* Runs on every page. */
import { startDialogs } from "./dialogs.js";
import { startShell } from "./shell.js";
import { startTabs } from "./tabs.js";
import { text, toast } from "./texts.js";

startShell();
startDialogs();
startTabs();

/* A click anywhere in a row opens its record, save on something that does its own. */
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-go]");
  if (!row || event.target.closest("a, button, input, label, select, details")) return;
  if (String(getSelection())) return;
  const link = row.querySelector("a.name");
  if (!link) return;
  if (event.ctrlKey || event.metaKey) open(link.href, "_blank", "noopener");
  else location.assign(link.href);
});

document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  const said = xhr.getResponseHeader("Content-Type")?.startsWith("text/plain") ? xhr.responseText : "";
  if (xhr.status === 401) location.reload();
  else toast(said || text("failed"));
});
document.addEventListener("htmx:sendError", () => toast(text("offline")));

/* Sent elsewhere, as when the session has ended: the whole page goes there, not a part of it. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  const asked = new URL(pathInfo.finalRequestPath, location.href).pathname;
  if (!xhr.responseURL || new URL(xhr.responseURL).pathname === asked) return;
  event.detail.shouldSwap = false;
  location.reload();
});
