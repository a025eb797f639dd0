/* A signature drawn by pointer; kept as a PNG data address in a hidden input. */

function startOne(box) {
  const canvas = box.querySelector("canvas");
  const hidden = box.querySelector('input[type="hidden"]');
  const pen = canvas.getContext("2d");
  let last = null;
  Object.assign(pen, { lineWidth: 5, lineCap: "round", lineJoin: "round", strokeStyle: "#10231f" });

  const point = (event) => {
    const size = canvas.getBoundingClientRect();
    return [((event.clientX - size.left) * canvas.width) / size.width, ((event.clientY - size.top) * canvas.height) / size.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = point(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = point(event);
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...next);
    pen.stroke();
    last = next;
  });
  const lift = () => {
    if (!last) return;
    last = null;
    hidden.value = canvas.toDataURL("image/png");
    hidden.dispatchEvent(new Event("change", { bubbles: true }));
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  box.querySelector("[data-wipe]").addEventListener("click", () => {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    hidden.value = "";
    hidden.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

export function startSignatures(root) {
  for (const box of root.querySelectorAll("[data-sign]")) {
    if (!box.dataset.started) startOne(box);
    box.dataset.started = "1";
  }
}
