/* Tabs by the keyboard rules of WAI-ARIA. A panel with hx-get loads when it is first opened. */

function tabsOf(list) {
  return [...list.querySelectorAll('[role="tab"]')];
}

export function openTab(tab, focus = false) {
  const list = tab.closest('[role="tablist"]');
  for (const other of tabsOf(list)) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls"));
    panel.hidden = !chosen;
    if (chosen) panel.dispatchEvent(new Event("open"));
  }
  if (focus) tab.focus();
}

/* Opens whatever tab hides the element. */
export function reveal(element) {
  const panel = element.closest('[role="tabpanel"][hidden]');
  if (panel) openTab(document.getElementById(panel.getAttribute("aria-labelledby")));
}

function onKey(event) {
  const tab = event.target.closest?.('[role="tab"]');
  if (!tab) return;
  const tabs = tabsOf(tab.closest('[role="tablist"]'));
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  let next = null;
  if (step) next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
  if (event.key === "Home") next = tabs[0];
  if (event.key === "End") next = tabs.at(-1);
  if (!next) return;
  event.preventDefault();
  openTab(next, true);
}

export function startTabs() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (!tab || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    openTab(tab);
  });
}
