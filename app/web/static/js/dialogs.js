/* Dialogs: those of the page, and the question before something grave is done. */

function ask(question, button) {
  const dialog = document.getElementById("confirm");
  const yes = dialog.querySelector('[value="yes"]');
  dialog.querySelector("h2").textContent = question;
  yes.textContent = button.textContent.trim() || yes.textContent;
  yes.className = `btn ${button.matches(".btn-danger, .danger") ? "btn-danger" : "btn-primary"}`;
  return new Promise((resolve) => {
    const finish = (answer) => {
      dialog.onclick = null;
      dialog.onclose = null;
      dialog.close();
      resolve(answer);
    };
    dialog.onclick = (event) => {
      const value = event.target.closest("button")?.value;
      if (value) finish(value === "yes");
    };
    dialog.onclose = () => finish(false);
    dialog.showModal();
  });
}

async function confirmFirst(event) {
  const button = event.target.closest("button[data-confirm]");
  if (!button || button.dataset.confirmed) return;
  event.preventDefault();
  if (!(await ask(button.dataset.confirm, button))) return;
  button.dataset.confirmed = "1";
  button.form.requestSubmit(button);
  delete button.dataset.confirmed;
}

function openOrClose(event) {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  event.target.closest("[data-close]")?.closest("dialog").close();
  if (event.target.matches("dialog.dialog") && event.target.id !== "confirm") {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside && event.detail) event.target.close();
  }
}

/* A page that is made to be printed. */
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

/* A form marked data-once is sent one time, however often the button is pressed. */
function sendOnce(event) {
  const form = event.target;
  if (!form.matches("[data-once]") || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
}

function allowAgain() {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
}

export function startDialogs() {
  document.addEventListener("click", confirmFirst);
  document.addEventListener("click", openOrClose);
  document.addEventListener("submit", sendOnce);
  addEventListener("pageshow", allowAgain);
  document.querySelector("dialog[data-open]")?.showModal();
}
