// The page of one spin: computes it again from what was revealed, and says whether it fits.
import {holds} from "./proof.js";

export async function start() {
  const {table, sealedBefore, answer} = JSON.parse(document.getElementById("proof").textContent);
  const good = await holds(table, answer, sealedBefore);
  const verdict = document.getElementById(good ? "proven" : "unproven").content.firstElementChild.cloneNode(true);
  const place = document.querySelector("[data-proof-result]");
  place.className = verdict.className;
  place.replaceChildren(...verdict.childNodes);
}
