// The one <dialog>: links marked `data-dialog` load a form into it; without a script they are pages of their own.
const dialog = document.getElementById("dialog");
let opener = null;

function open() {
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("[role=alert]")?.scrollIntoView({block: "nearest"});
  dialog.querySelector("#dialog-title")?.focus();
}

function close() {
  if (dialog.open) dialog.close();
}

/** The two parts of a split always add up: typing one fills in the other. */
function balance(event) {
  const form = event.target.closest("[data-total]");
  if (!form || !event.target.matches("[data-part]")) return;
  const [settle, refund] = form.querySelectorAll("[data-part]"), total = Number(form.dataset.total);
  const other = event.target === settle ? refund : settle, typed = Number(event.target.value);
  const valid = /^\d+$/.test(event.target.value) && typed <= total;
  if (valid) other.value = String(total - typed);
  const sum = form.querySelector("[data-sum]");
  sum.classList.toggle("ok", valid);
  sum.classList.toggle("danger", !valid);
  const text = valid ? `${settle.value} + ${refund.value} = ${total}` : `The two parts make ${total}`;
  sum.querySelector("span").textContent = text;
}

export function start() {
  document.addEventListener("click", event => {
    opener = event.target.closest("[data-dialog]")?.id ?? opener;
    if (event.target === dialog || event.target.closest("[data-close]")) {
      event.preventDefault();
      close();
    }
  });
  document.addEventListener("keydown", event => {        // a link that opens a dialog acts like a button
    if (event.code !== "Space" || !event.target.closest("[data-dialog]")) return;
    event.preventDefault();
    event.target.click();
  });
  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    if (opener) document.getElementById(opener)?.focus();
  });
  dialog.addEventListener("input", balance);
  document.body.addEventListener("htmx:afterSwap", event => {
    if (event.detail.target === dialog && dialog.childElementCount) open();
  });
  document.body.addEventListener("dialog:close", close);
}
