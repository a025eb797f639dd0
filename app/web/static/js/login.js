/* A click on a demo account fills the form and signs in. */
document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-demo]");
  if (!choice) return;
  const form = document.querySelector("form[data-once]");
  form.elements.username.value = choice.dataset.demo;
  form.elements.password.value = choice.dataset.password;
  form.requestSubmit();
});
