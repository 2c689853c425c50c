// Short notices at the bottom. Never the only place of a refusal.
import {isPart} from "./refresh.js";

const STAY_MS = 6000;

export function toast(text, kind = "ok") {
  const card = document.getElementById("toast").content.firstElementChild.cloneNode(true);
  card.classList.add(kind);
  card.querySelector(".grow").textContent = text;
  let timer = setTimeout(() => card.remove(), STAY_MS);
  card.addEventListener("focusin", () => clearTimeout(timer));
  card.addEventListener("focusout", () => { timer = setTimeout(() => card.remove(), STAY_MS); });
  card.querySelector("button").addEventListener("click", () => card.remove());
  document.getElementById("toasts").replaceChildren(card);
}

export function start() {
  document.body.addEventListener("toast", event => toast(event.detail.text, event.detail.kind));
  document.body.addEventListener("htmx:responseError", event => {
    if (isPart(event.target)) return;            // the mark "Catching up" says it
    const {xhr} = event.detail, type = xhr.getResponseHeader("Content-Type") ?? "";
    const text = type.startsWith("text/plain") && xhr.status !== 500 ? xhr.responseText
      : "Something on our side failed. What you pressed counts once or not at all.";
    toast(text, "bad");
  });
}
